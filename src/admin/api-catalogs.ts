/** `/api/v1/catalogs/{zone}`: what a catalog zone lists, and what came of it. */

export interface CatalogReport {
  readonly catalog: string;
  /** Of the version served. */
  readonly serial: number | null;
  /** Why that version is not gone by; empty where it is. */
  readonly broken: readonly string[];
  readonly members: readonly CatalogMemberReport[];
  /** Zones that it lists and did not bring. */
  readonly ignored: readonly { readonly zone: string; readonly why: string }[];
}

export interface CatalogMemberReport {
  readonly zone: string;
  /** Its unique label: with another one it begins anew. */
  readonly label: string;
  readonly groups: readonly string[];
  /** When it was added by this process, ISO 8601. */
  readonly since: string;
}
