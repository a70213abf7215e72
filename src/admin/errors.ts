/** What an admin request can be told: a status, a word for programs and a sentence for people. */
export class AdminError extends Error {
  readonly status: number;
  readonly error: string;

  constructor(status: number, error: string, message: string) {
    super(message);
    this.status = status;
    this.error = error;
  }
}

export interface ErrorBody {
  readonly error: string;
  readonly message: string;
}

export const errorBody = ({ error, message }: AdminError): ErrorBody => ({ error, message });
