import { compactTime, s3Uri } from '../../contracts/names.js';
import type { PrepareInput } from '../../contracts/prepare.js';

/** Where a run's export lies, and where it is published. */
export interface Places {
  readonly bucket: string;
  /** The run's own folder for it. */
  readonly folder: string;
  /** What the names of its objects begin with. */
  readonly parts: string;
  readonly manifest: string;
  /** The record of what was exported: once it is there, the export is whole. */
  readonly record: string;
  readonly recordUri: string;
  /** The record of what was published: once it is there, the publication is over. */
  readonly done: string;
  /** Written once all of it is published, before what it replaces goes. */
  readonly replacing: string;
  /** `data/my-model/train/2026-11-30/` */
  readonly published: string;
  /** What the names of published objects of this run begin with. */
  readonly name: string;
}

export function placesOf({ ref, definition, asOf }: PrepareInput): Places {
  const { bucket, output, prefix } = definition.data;
  const time = compactTime(ref.runTime);
  const folder = `${output}runs/${time}/export/`;
  return {
    ...{ bucket, folder, parts: `${folder}data_`, manifest: `${folder}data_manifest` },
    ...{ record: `${folder}record.json`, recordUri: s3Uri(bucket, `${folder}record.json`) },
    ...{ done: `${folder}published.json`, replacing: `${folder}replacing.json` },
    ...{ published: `${prefix}${asOf}/`, name: `${time}-` },
  };
}

/** Whether a published object's name is that of an export, of whatever run. */
export const isExported = (name: string): boolean => /^\d{8}T\d{9}Z-\d{4}\.csv$/.test(name);

/** The key under which a part is published, by its number. */
export const publishedKey = ({ published, name }: Places, index: number): string =>
  `${published}${name}${String(index).padStart(4, '0')}.csv`;
