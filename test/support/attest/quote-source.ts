import { once } from 'node:events';
import { createServer } from 'node:net';
import { parseReportBody, reportBodySizeBytes } from '../../../src/quote/report-body.ts';
import { makePck, makeQuote, type TestPki } from './pki/test-pki.ts';

/** What stands for the processor, the quoting enclave and AESM: signs any report with the test PKI. */
export interface QuoteSource {
  /** A socket for `GSC_STANDIN_QUOTES` of the stand-in runtime: a report body in, a quote out. */
  readonly socket: string;
  close(): Promise<void>;
}

export async function serveQuotes(socket: string, pki: TestPki): Promise<QuoteSource> {
  const pck = makePck(pki.processorCa);
  const server = createServer({ allowHalfOpen: true }, (client) => {
    let body = Buffer.alloc(0);
    client.on('error', () => undefined);
    client.on('data', (piece: Buffer) => {
      body = Buffer.concat([body, piece]);
      if (body.length === reportBodySizeBytes) client.end(quoteFor(body));
    });
  });
  const quoteFor = (body: Buffer) => {
    const report = parseReportBody(body);
    return makeQuote(pki, {
      pck,
      report: {
        miscSelect: report.miscSelect,
        attributes: report.attributes.toString('hex'),
        mrEnclave: report.mrEnclave.toString('hex'),
        mrSigner: report.mrSigner.toString('hex'),
        isvProdId: report.isvProdId,
        isvSvn: report.isvSvn,
        reportData: report.reportData,
      },
    });
  };
  server.listen({ path: socket, writableAll: true, readableAll: true });
  await once(server, 'listening');
  return { socket, close: () => new Promise((done) => server.close(() => done())) };
}
