import type { Hash } from 'node:crypto';
import { pageSizeBytes } from './address.ts';

/** A run of pages: where it starts, counted from the enclave's base, its size, and the SECINFO flags of each page. */
export interface PageRun {
  readonly offset: bigint;
  readonly sizeBytes: bigint;
  readonly secinfo: number;
}

/** The 4096 bytes of the run's page number `index`, or undefined for zeros. */
export type PageContent = (index: number) => Uint8Array | undefined;

// SDM vol. 3D, EADD and EEXTEND: records of 64 bytes, tag at 0, page or chunk offset at 8, EADD's SECINFO flags at 16.
// An EEXTEND record is followed by the 256 bytes that it measures.
const recordBytes = 64;
const offsetAt = 8;
const secinfoAt = 16;
const chunkBytes = 256;
const chunksPerPage = 16;
const extendBytes = recordBytes + chunkBytes;
const measuredPageBytes = recordBytes + chunksPerPage * extendBytes;
const addTag = 'EADD\0\0\0\0';
const extendTag = 'EEXTEND\0';

/** Hashing is fastest in large pieces that still fit the processor's cache. */
const batchBytes = 1 << 20;

/** Adds one EADD record per page to a measurement. */
export function hashAddedPages(hash: Hash, run: PageRun): void {
  const count = pageCountOf(run);
  const batch = Buffer.alloc(Math.min(batchBytes, count * recordBytes));
  const view = viewOf(batch);
  for (let at = 0; at < batch.length; at += recordBytes) {
    batch.write(addTag, at, 'latin1');
    view.setUint32(at + secinfoAt, run.secinfo, true);
  }
  const perBatch = batch.length / recordBytes;
  const first = firstPageOf(run);
  for (let done = 0; done < count; done += perBatch) {
    const pages = Math.min(perBatch, count - done);
    for (let index = 0; index < pages; index++) {
      writeOffset(view, index * recordBytes + offsetAt, first + done + index, 0);
    }
    hash.update(pages === perBatch ? batch : batch.subarray(0, pages * recordBytes));
  }
}

/** Room for the records of many measured pages: made once per measurement, since its tags never change. */
export interface MeasuredPageBatch {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** For each page's place: true if its content may be other than zero. */
  readonly isFilled: boolean[];
}

/** A batch with all its tags in place, and zero content. */
export function measuredPageBatch(): MeasuredPageBatch {
  const places = Math.floor(batchBytes / measuredPageBytes);
  const bytes = Buffer.alloc(places * measuredPageBytes);
  for (let at = 0; at < bytes.length; at += measuredPageBytes) {
    bytes.write(addTag, at, 'latin1');
    for (let chunk = 0; chunk < chunksPerPage; chunk++) bytes.write(extendTag, chunkAt(at, chunk), 'latin1');
  }
  return { bytes, view: viewOf(bytes), isFilled: Array.from({ length: places }, () => false) };
}

/** Adds to a measurement, for each page, its EADD record and 16 EEXTEND records with its content. */
export function hashMeasuredPages(
  hash: Hash,
  run: PageRun & { readonly content: PageContent },
  batch: MeasuredPageBatch,
): void {
  const count = pageCountOf(run);
  const first = firstPageOf(run);
  const places = batch.isFilled.length;
  for (let done = 0; done < count; done += places) {
    const pages = Math.min(places, count - done);
    for (let place = 0; place < pages; place++) {
      batch.view.setUint32(place * measuredPageBytes + secinfoAt, run.secinfo, true);
      writePageOffsets(batch.view, place * measuredPageBytes, first + done + place);
      writePageContent(batch, place, run.content(done + place));
    }
    hash.update(batch.bytes.subarray(0, pages * measuredPageBytes));
  }
}

function writePageOffsets(view: DataView, at: number, page: number): void {
  writeOffset(view, at + offsetAt, page, 0);
  for (let chunk = 0; chunk < chunksPerPage; chunk++) {
    writeOffset(view, chunkAt(at, chunk) + offsetAt, page, chunk * chunkBytes);
  }
}

function writePageContent(
  { bytes, isFilled }: MeasuredPageBatch,
  place: number,
  content: Uint8Array | undefined,
): void {
  if (content === undefined && !isFilled[place]) return;
  for (let chunk = 0; chunk < chunksPerPage; chunk++) {
    const to = chunkAt(place * measuredPageBytes, chunk) + recordBytes;
    if (content === undefined) bytes.fill(0, to, to + chunkBytes);
    else bytes.set(content.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes), to);
  }
  isFilled[place] = content !== undefined;
}

function chunkAt(pageAt: number, chunk: number): number {
  return pageAt + recordBytes + chunk * extendBytes;
}

/** Writes `page * 4096 + inPage` as 64 bits; in two halves, since bigints would be ten times slower. */
function writeOffset(view: DataView, at: number, page: number, inPage: number): void {
  view.setUint32(at, ((page & 0xfffff) << 12) + inPage, true);
  view.setUint32(at + 4, Math.floor(page / 0x100000), true);
}

function viewOf(batch: Buffer): DataView {
  return new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
}

/** Page numbers are below 2^52, so a number holds them exactly. */
function firstPageOf({ offset }: PageRun): number {
  return Number(offset / pageSizeBytes);
}

function pageCountOf({ sizeBytes }: PageRun): number {
  return Number(sizeBytes / pageSizeBytes);
}
