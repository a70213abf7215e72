/** HTTP requests to others, always with limits on time and size. The only importer of undici. */
import { Agent, request } from 'undici';
import { fail, type Result, succeed } from '../base/result.ts';

export interface HttpOptions {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly connectTimeoutMs?: number;
  /** The whole of it, to the last octet. */
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly etag: string | undefined;
  readonly body: string;
}

/** In words that go behind a colon: `the server does not accept connections`. */
export type HttpFailure = string;

/** One request on a connection of its own; redirects are not followed, proxies of the environment not used. */
export async function httpRequest(url: URL, options: HttpOptions = {}): Promise<Result<HttpAnswer, HttpFailure>> {
  const {
    method = 'GET',
    headers = {},
    body = null,
    connectTimeoutMs = 5_000,
    timeoutMs = 15_000,
    maxBytes = 64_000_000,
  } = options;
  const agent = new Agent({
    connect: { timeout: connectTimeoutMs },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: maxBytes,
  });
  try {
    const answer = await request(url, {
      method,
      body,
      dispatcher: agent,
      headers,
      signal: AbortSignal.timeout(timeoutMs),
    });
    const { etag } = answer.headers;
    return succeed({
      status: answer.statusCode,
      etag: Array.isArray(etag) ? etag[0] : etag,
      body: await answer.body.text(),
    });
  } catch (error) {
    return fail(describe(error));
  } finally {
    await agent.destroy();
  }
}

const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was closed',
  UND_ERR_SOCKET: 'the connection was closed',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name cannot be looked up now',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the host',
  UND_ERR_CONNECT_TIMEOUT: 'no answer within the time limit',
  UND_ERR_HEADERS_TIMEOUT: 'no answer within the time limit',
  UND_ERR_BODY_TIMEOUT: 'no answer within the time limit',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'the answer is too long',
};

function describe(error: unknown): HttpFailure {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer within the time limit';
  // Several addresses were tried: the last one speaks for all.
  const last = error instanceof AggregateError ? ((error.errors as unknown[]).at(-1) ?? error) : error;
  const { code = '', message } = last as NodeJS.ErrnoException;
  if (error.name === 'HTTPParserError') return 'it does not speak HTTP';
  return SENTENCES[code] ?? message;
}
