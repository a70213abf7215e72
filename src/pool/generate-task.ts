/** The task that makes a catalog zone of ours. */
import type { ListedZone } from '../catalog/render.ts';
import type { VersionHandle } from '../zone/version.ts';

export interface GenerateRequest {
  /** Wire form, lower case. */
  readonly apex: Uint8Array;
  readonly serial: number;
  readonly zones: readonly ListedZone[];
  readonly frameSize: number;
  /** Along whose fences to pack. */
  readonly base: VersionHandle | undefined;
}
