import { join, resolve } from 'node:path';
import * as v from 'valibot';
import { type Evidence, evidenceFile } from '../../attest/evidence.ts';
import { findCollateral } from '../../attest/find-collateral.ts';
import {
  defaultPolicy,
  type ExpectedIdentity,
  parseCollateral,
  parsePolicy,
  type RawCollateral,
  type VerifyOptions,
  verifyQuote,
  verifyRaTlsCertificate,
} from '../../attest.ts';
import { writeDirectory } from '../../base/atomic-directory.ts';
import { GscError } from '../../base/error.ts';
import { looseObjectOf, strictObjectOf } from '../../base/object-schema.ts';
import { readUserFile } from '../../base/read-file.ts';
import { collateralFiles } from '../../collateral/collateral-files.ts';
import { inspectImage } from '../../index.ts';
import { parseReference } from '../../parts.ts';
import { readCertificateFile } from '../../x509/certificate-file.ts';
import {
  atOption,
  parseHash,
  parseReportData,
  parseSeconds,
  parseVersion16,
} from '../options/attest-options.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { type EvidenceOptions, readEvidence } from '../options/evidence-options.ts';
import { groupOptions } from '../options/option-groups.ts';
import { repeatable } from '../options/repeatable.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { type AttestReport, printVerdict, verdictToJson } from '../reports/attest-report.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions, StoreOptions, EvidenceOptions {
  readonly image?: string;
  readonly mrenclave?: string;
  readonly mrsigner?: string;
  readonly isvprodid?: number;
  readonly isvsvn?: number;
  readonly anyIdentity?: boolean;
  readonly collateral?: string;
  readonly pckCertificate?: readonly string[];
  readonly rootCa?: string;
  readonly policy?: string;
  readonly reportData?: Buffer;
  readonly nonce?: Buffer;
  readonly at?: Date;
  readonly save?: string;
}

export const addAttest: AddCommand = (program, act) => {
  const command = program
    .command('attest')
    .summary('check which enclave answers')
    .description(
      'Checks a DCAP quote or an RA-TLS certificate, from a file or from a live server: that it is genuine, that the platform is good enough, and that the enclave is the expected one.',
    )
    .argument('[HOST:PORT]', 'a TLS server whose certificate is an RA-TLS one')
    .option('--quote <file>', 'a raw DCAP quote of version 3; - is standard input')
    .option('--certificate <file>', 'an RA-TLS certificate, PEM or DER; - is standard input')
    .option('--saved <dir>', 'what --save wrote: checked again')
    .option('--image <ref>', 'the signed image that the enclave must come from')
    .option('--mrenclave <hex>', 'the expected MRENCLAVE', parseHash)
    .option('--mrsigner <hex>', 'the expected MRSIGNER', parseHash)
    .option('--isvprodid <number>', 'the expected product ID', parseVersion16)
    .option('--isvsvn <number>', 'the lowest security version to accept', parseVersion16)
    .option('--any-identity', 'accept an enclave of any identity: proves only the platform')
    .option('--report-data <hex>', 'the expected report data; missing bytes are zero', parseReportData)
    .option('--nonce <hex>', 'the nonce sent to the enclave', parseReportData)
    .option(
      '--collateral <source>',
      "a file, a directory, a PCCS or PCS by URL, or none; default: Intel's PCS",
    )
    .option(
      '--pck-certificate <file>',
      'PCK certificate and chain, for a quote that has none (repeatable)',
      repeatable,
    )
    .option('--root-ca <file>', "trust this root instead of Intel's: for tests")
    .option('--policy <file>', 'what is accepted: docs/policy.md')
    .addOption(atOption())
    .option('--save <dir>', 'keep quote, collateral and verdict in a new directory')
    .option('--sni <name>', 'server name to ask the server for; default: HOST')
    .option('--alpn <protocol>', 'application protocol to offer the server (repeatable)', repeatable)
    .option('--timeout <seconds>', 'how long to wait for the server; default 10', parseSeconds)
    .action(act(attest));
  groupOptions(addStoreOptions(command));
};

async function attest(context: CommandContext, options: Options, endpoint?: string): Promise<number> {
  checkIdentityOptions(options);
  const verifyOptions = await readVerifyOptions(context, options);
  const evidence = await readEvidence(context, options, endpoint);
  const { pckCertificates } = verifyOptions;
  const { host, console: reporter } = context;
  const raw = await findCollateral({ host, reporter }, options, {
    evidence,
    ...(pckCertificates && { pckCertificates }),
  });
  const verify = evidence.kind === 'quote' ? verifyQuote : verifyRaTlsCertificate;
  const verdict = verify(evidence.bytes, raw && parseCollateral(raw), verifyOptions);
  const report: AttestReport = {
    verdict,
    isAnyIdentity: options.anyIdentity === true,
    rootCa: options.rootCa,
    source: evidence.source,
    protocol: evidence.kind === 'certificate' ? evidence.protocol : undefined,
  };
  if (options.save !== undefined) {
    await save(resolve(context.host.workingDirectory, options.save), {
      evidence,
      raw,
      report,
      verifyOptions,
    });
  }
  printVerdict(context, report);
  return verdict.isAccepted ? exitCodes.done : exitCodes.failed;
}

/** Two sources of one identity could contradict each other; a version alone is not an identity. */
function checkIdentityOptions(options: Options): void {
  const { image, mrenclave, mrsigner, isvprodid, isvsvn, anyIdentity, reportData, nonce } = options;
  const versions = isvprodid !== undefined || isvsvn !== undefined;
  const hasIdentity = [image, mrenclave, mrsigner].some((each) => each !== undefined);
  const problem =
    (anyIdentity && (hasIdentity || versions) && '--any-identity together with an expected identity') ||
    (reportData && nonce && 'both --report-data and --nonce') ||
    (versions && !hasIdentity && '--isvprodid and --isvsvn without --mrsigner, --mrenclave or --image');
  if (!problem) return;
  throw new GscError({
    code: 'usage',
    subject: 'gsc attest',
    message: problem,
    hint: 'give --image, or --mrenclave, or --mrsigner with --isvprodid and --isvsvn',
  });
}

async function readVerifyOptions(context: CommandContext, options: Options): Promise<VerifyOptions> {
  const { host } = context;
  const read = (file: string, what: string) => readUserFile(resolve(host.workingDirectory, file), what);
  const policyFile = options.policy;
  const policy =
    policyFile === undefined
      ? defaultPolicy
      : parsePolicy((await read(policyFile, 'policy')).toString('utf8'), policyFile);
  const certificates = (file: string, what: string) =>
    readCertificateFile({ path: resolve(host.workingDirectory, file), subject: file, what, code: 'usage' });
  const [rootCa] = options.rootCa === undefined ? [] : await certificates(options.rootCa, 'root certificate');
  const pck = await Promise.all(
    (options.pckCertificate ?? []).map((file) => certificates(file, 'PCK certificate')),
  );
  return {
    at: options.at ?? host.today(),
    expected: await expectedIdentity(context, options),
    isAnyIdentityAccepted: options.anyIdentity === true,
    policy: policy.attest,
    ...(options.reportData && { reportData: options.reportData }),
    ...(options.nonce && { nonce: options.nonce }),
    ...(rootCa && { rootCa }),
    ...(pck.length > 0 && { pckCertificates: pck.flat() }),
  };
}

/** By hand, of an image's SIGSTRUCT, or of both; else what a saved verdict was about. */
async function expectedIdentity(context: CommandContext, options: Options): Promise<ExpectedIdentity> {
  const { mrenclave, mrsigner, isvprodid, isvsvn, image: reference, saved, anyIdentity } = options;
  const given = { mrEnclave: mrenclave, mrSigner: mrsigner, isvProdId: isvprodid, isvSvn: isvsvn };
  if (reference !== undefined) {
    const { image } = await context.images.open(parseReference(reference));
    const { sigstruct } = await inspectImage(image);
    const own = withoutUndefined(given);
    return {
      mrEnclave: sigstruct.mrEnclave,
      mrSigner: sigstruct.mrSigner,
      isvProdId: sigstruct.isvProdId,
      isvSvn: sigstruct.isvSvn,
      ...own,
    };
  }
  const isGiven = mrenclave !== undefined || mrsigner !== undefined;
  if (saved === undefined || isGiven || anyIdentity) return given;
  return savedIdentity(context, saved);
}

function withoutUndefined(identity: ExpectedIdentity): ExpectedIdentity {
  return Object.fromEntries(Object.entries(identity).filter(([, value]) => value !== undefined));
}

const savedSchema = looseObjectOf({
  expected: strictObjectOf({
    mr_enclave: v.nullish(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
    mr_signer: v.nullish(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
    isv_prod_id: v.nullish(v.pipe(v.number(), v.safeInteger())),
    isv_svn: v.nullish(v.pipe(v.number(), v.safeInteger())),
  }),
});

/** What the verdict of the directory was about: what weakens a check (policy, root) has to be given again, this need not. */
async function savedIdentity(
  { host, console }: CommandContext,
  directory: string,
): Promise<ExpectedIdentity> {
  const file = join(resolve(host.workingDirectory, directory), 'verdict.json');
  const text = (await readUserFile(file, 'saved verdict')).toString('utf8');
  try {
    const { expected } = v.parse(savedSchema, JSON.parse(text));
    console.warn(`the expected identity is the one in ${file}, as no other was given`);
    return {
      mrEnclave: expected.mr_enclave ?? undefined,
      mrSigner: expected.mr_signer ?? undefined,
      isvProdId: expected.isv_prod_id ?? undefined,
      isvSvn: expected.isv_svn ?? undefined,
    };
  } catch (error) {
    throw new GscError({
      code: 'unreadable',
      subject: file,
      message: 'not a verdict that gsc attest --save wrote',
      hint: 'give the expected identity, as in --mrenclave HEX',
      cause: error,
    });
  }
}

interface Saved {
  readonly evidence: Evidence;
  readonly raw: RawCollateral | undefined;
  readonly report: AttestReport;
  readonly verifyOptions: VerifyOptions;
}

async function save(directory: string, { evidence, raw, report, verifyOptions }: Saved): Promise<void> {
  const { mrEnclave, mrSigner, isvProdId, isvSvn } = verifyOptions.expected ?? {};
  const expected = {
    mr_enclave: mrEnclave ?? null,
    mr_signer: mrSigner ?? null,
    isv_prod_id: isvProdId ?? null,
    isv_svn: isvSvn ?? null,
  };
  const verdict = `${JSON.stringify({ ...verdictToJson(report), expected }, null, 2)}\n`;
  const collateral = raw === undefined ? [] : collateralFiles(raw);
  await writeDirectory(directory, [
    evidenceFile(evidence),
    ...collateral.map(({ path, bytes }) => ({ path: join('collateral', path), bytes })),
    { path: 'verdict.json', bytes: verdict },
  ]);
}
