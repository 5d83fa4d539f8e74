import { createHash } from 'node:crypto';
import { encodeRecord, type RecordLayout } from '../base/record.ts';
import type { EnclaveLayout } from './enclave-layout.ts';
import type { EnclaveRules } from './enclave-rules.ts';
import type { Area } from './memory-area.ts';
import { hashAddedPages, hashMeasuredPages, measuredPageBatch, type PageContent } from './page-records.ts';
import { threadPagesOf } from './thread-pages.ts';

/** The first record of every measurement. SDM vol. 3D, ECREATE; note the unaligned size. */
const ecreateLayout: RecordLayout = {
  sizeBytes: 64,
  fields: [
    ['tag', 0, { bytes: 8 }],
    ['ssaFramePages', 8, 4],
    ['sizeBytes', 12, 8],
  ],
};

/**
 * MRENCLAVE of an enclave: 64 hex digits. The SHA-256 of one ECREATE record, then for each page of each area in
 * order an EADD record, followed where the area is measured by 16 EEXTEND records with 256 bytes of content each.
 */
export function measureEnclave(layout: EnclaveLayout, rules: EnclaveRules): string {
  const hash = createHash('sha256');
  hash.update(
    encodeRecord(ecreateLayout, {
      tag: Buffer.from('ECREATE\0'),
      ssaFramePages: rules.ssaFramePages,
      sizeBytes: layout.sizeBytes,
    }),
  );
  const threadPages = threadPagesOf(layout, rules);
  const batch = measuredPageBatch();
  for (const area of layout.areas) {
    const pages = {
      offset: area.start - layout.base,
      sizeBytes: area.end - area.start,
      secinfo: area.secinfo,
    };
    if (area.isMeasured) hashMeasuredPages(hash, { ...pages, content: contentOf(area, threadPages) }, batch);
    else hashAddedPages(hash, pages);
  }
  return hash.digest('hex');
}

type ThreadPages = ReturnType<typeof threadPagesOf>;

function contentOf({ content }: Area, threadPages: ThreadPages): PageContent {
  switch (content.kind) {
    case 'zeros':
      return () => undefined;
    case 'tcs':
      return threadPages.tcs;
    case 'tls':
      return threadPages.tls;
    case 'bytes': {
      const { bytes, skippedBytes } = content;
      return (index) => pageOfBytes(bytes, skippedBytes, index);
    }
  }
}

function pageOfBytes(bytes: Buffer, skippedBytes: number, index: number): Uint8Array | undefined {
  const start = index * 4096 - skippedBytes;
  if (start >= bytes.length) return undefined;
  if (start >= 0 && start + 4096 <= bytes.length) return bytes.subarray(start, start + 4096);
  const page = Buffer.alloc(4096);
  bytes.copy(page, Math.max(0, -start), Math.max(0, start), start + 4096);
  return page;
}
