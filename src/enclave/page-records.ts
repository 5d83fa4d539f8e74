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
  for (let at = 0; at < batch.length; at += recordBytes) writeAddRecord(batch, view, at, run.secinfo);
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

/** Adds to a measurement, for each page, its EADD record and 16 EEXTEND records with its content. */
export function hashMeasuredPages(hash: Hash, run: PageRun, content: PageContent): void {
  const count = pageCountOf(run);
  const perBatch = Math.min(Math.floor(batchBytes / measuredPageBytes), count);
  const batch = measuredPageTemplates(perBatch, run.secinfo);
  const view = viewOf(batch);
  const first = firstPageOf(run);
  const slots = Array.from({ length: perBatch }, () => false);
  for (let done = 0; done < count; done += perBatch) {
    const pages = Math.min(perBatch, count - done);
    for (let slot = 0; slot < pages; slot++) {
      const at = slot * measuredPageBytes;
      writePageOffsets(view, at, first + done + slot);
      const bytes = content(done + slot);
      if (bytes !== undefined || slots[slot]) writePageContent(batch, at, bytes);
      slots[slot] = bytes !== undefined;
    }
    hash.update(batch.subarray(0, pages * measuredPageBytes));
  }
}

function measuredPageTemplates(count: number, secinfo: number): Buffer {
  const batch = Buffer.alloc(count * measuredPageBytes);
  const view = viewOf(batch);
  for (let slot = 0; slot < count; slot++) {
    const at = slot * measuredPageBytes;
    writeAddRecord(batch, view, at, secinfo);
    for (let chunk = 0; chunk < chunksPerPage; chunk++) batch.write(extendTag, chunkAt(at, chunk), 'latin1');
  }
  return batch;
}

function writeAddRecord(batch: Buffer, view: DataView, at: number, secinfo: number): void {
  batch.write(addTag, at, 'latin1');
  view.setUint32(at + secinfoAt, secinfo, true);
}

function writePageOffsets(view: DataView, at: number, page: number): void {
  writeOffset(view, at + offsetAt, page, 0);
  for (let chunk = 0; chunk < chunksPerPage; chunk++) {
    writeOffset(view, chunkAt(at, chunk) + offsetAt, page, chunk * chunkBytes);
  }
}

function writePageContent(batch: Buffer, at: number, bytes: Uint8Array | undefined): void {
  for (let chunk = 0; chunk < chunksPerPage; chunk++) {
    const to = chunkAt(at, chunk) + recordBytes;
    if (bytes === undefined) batch.fill(0, to, to + chunkBytes);
    else batch.set(bytes.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes), to);
  }
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
