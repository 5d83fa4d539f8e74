import { Option } from 'commander';
import { GscError } from '../../base/error.ts';
import {
  type EnclaveOverrides,
  type Image,
  type ImageInspection,
  type ImageReference,
  type Images,
  inspectImage,
  type SigstructDescription,
} from '../../index.ts';
import { inspectGlance } from '../../inspect/inspect-glance.ts';
import { workspaceOf } from '../../library/images.ts';
import {
  labelledVersion,
  labels,
  measureImage,
  parseReference,
  patchesOf,
  showReference,
  showRuntimeVersion,
} from '../../parts.ts';
import { showPath, valueAt } from '../../tools.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { addOverrideOptions, enclaveOverrides, type OverrideOptions } from '../options/override-options.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { type ExpectedValueForm, expectedValueForms, expectedValues } from '../reports/expected-values.ts';
import { type FlatTable, flatToml } from '../reports/flat-toml.ts';
import { predictionFields } from '../reports/prediction.ts';
import { reportOverrides } from '../reports/sign-report.ts';
import type { Console } from '../terminal/console.ts';
import { exitCodes } from '../terminal/failure.ts';

export const addInfoImage: AddCommand = (program, act) => {
  const command = program
    .command('info-image')
    .summary('print what a signed image says about its enclave')
    .description(
      'Prints MRENCLAVE, MRSIGNER and the other fields of the SIGSTRUCT in a signed image, as TOML.',
    )
    .argument('IMAGE', 'the signed image; with --predict an unsigned one')
    .addOption(
      new Option(
        '--predict',
        'measure, and say which MRENCLAVE the image will have once it is signed',
      ).conflicts('expectedValues'),
    )
    .addOption(
      new Option('--expected-values [form]', 'print what a remote verifier should expect, as it reads it')
        .choices(expectedValueForms)
        .preset('json')
        .conflicts('predict'),
    )
    .action(act(infoImage));
  addOverrideOptions(command);
  addStoreOptions(command);
};

interface Options extends CommonOptions, StoreOptions, OverrideOptions {
  readonly predict?: boolean;
  readonly expectedValues?: ExpectedValueForm;
}

async function infoImage(context: CommandContext, options: Options, imageText: string): Promise<number> {
  const { images, console, isJson } = context;
  const overrides = enclaveOverrides(options);
  if (!options.predict && Object.keys(overrides).length > 0) throw onlyPredicted();
  if (isJson && options.expectedValues !== undefined && options.expectedValues !== 'json')
    throw notJson(options.expectedValues);
  const reference = parseReference(imageText);
  if (options.predict) return predict(context, (await images.open(reference)).image, overrides);
  const form = options.expectedValues;
  const inspection = await inspect(images, console, reference);
  const fields = pythonFields(inspection.sigstruct);
  if (form !== undefined) console.result(expectedValues(inspection.sigstruct, { form, reference }));
  else if (isJson) console.result(`${JSON.stringify({ ...fields, ...moreFields(inspection) })}\n`);
  else console.result(`${flatToml(fields)}# ${showRuntime(inspection)}\n${childLines(inspection)}`);
  if (form !== undefined && inspection.sigstruct.isDebug) {
    console.warn('this is a debug enclave: whoever runs it can read its memory; verifiers should refuse it');
  }
  if (inspection.labels[labels.standIn] === 'true') {
    console.warn('the runtime in this image is a stand-in for tests: it has no enclave and protects nothing');
  }
  for (const { path, reason } of inspection.insecure) console.warn(`insecure: ${showPath(path)}: ${reason}`);
  return exitCodes.done;
}

/** Comments, for the same reason. */
function childLines({ children }: ImageInspection): string {
  return children.map(({ name, sigstruct }) => `# ${name}: mr_enclave = "${sigstruct.mrEnclave}"\n`).join('');
}

/** What an Engine has is not exported for two small files, unless they do not prove themselves. */
async function inspect(
  images: Images,
  console: Console,
  reference: ImageReference,
): Promise<ImageInspection> {
  const glance = await workspaceOf(images).images.glance(reference);
  let isExported = glance === undefined;
  try {
    const inspection = glance && (await inspectGlance(glance));
    if (inspection) return inspection;
    isExported = true;
  } finally {
    // Opening the image says it too.
    if (!isExported && reference.kind === 'bare')
      console.say(`${showReference(reference)}: found in ${glance?.place}`);
  }
  return inspectImage((await images.open(reference)).image);
}

async function predict(
  { console, isJson }: CommandContext,
  image: Image,
  overrides: EnclaveOverrides,
): Promise<number> {
  const { measured, applied } = await measureImage(image, { overrides });
  reportOverrides(console, applied);
  const fields = predictionFields(measured);
  console.result(isJson ? `${JSON.stringify(fields)}\n` : flatToml(fields));
  return exitCodes.done;
}

function notJson(form: ExpectedValueForm): GscError {
  return new GscError({
    code: 'usage',
    subject: `--expected-values ${form}`,
    message: 'this form is not JSON, which --json asks for',
    hint: 'leave one of the two out',
  });
}

/** What is signed is printed as it is. */
function onlyPredicted(): GscError {
  return new GscError({
    code: 'usage',
    subject: '--isvprodid, --isvsvn, --debug, --no-debug',
    message: 'they override what an image will be signed with: only for --predict',
    hint: 'add --predict',
  });
}

/** A comment in the TOML: programs that know the Python tool's keys find just these. */
function showRuntime({ labels: found }: ImageInspection): string {
  const version = labelledVersion(found);
  return version === undefined
    ? 'a runtime of unknown version'
    : showRuntimeVersion(version, patchesOf(found));
}

/** The Python GSC's keys; masks of bits are in hex in the order of the file's bytes, as it prints them. */
function pythonFields(sigstruct: SigstructDescription): FlatTable {
  return {
    mr_enclave: sigstruct.mrEnclave,
    mr_signer: sigstruct.mrSigner,
    isv_prod_id: sigstruct.isvProdId,
    isv_svn: sigstruct.isvSvn,
    date: sigstruct.date,
    flags: littleEndianHex(sigstruct.flags, 8),
    xfrms: littleEndianHex(sigstruct.xfrm, 8),
    misc_select: littleEndianHex(BigInt(sigstruct.miscSelect), 4),
    debug: sigstruct.isDebug,
  };
}

function littleEndianHex(value: bigint, sizeBytes: number): string {
  const bigEndian = value.toString(16).padStart(2 * sizeBytes, '0');
  return Buffer.from(bigEndian, 'hex').reverse().toString('hex');
}

function moreFields({
  manifest,
  trustedFileCount,
  insecure,
  labels: found,
  children,
}: ImageInspection): object {
  const at = (...path: string[]) => {
    const value = valueAt(manifest, path);
    return typeof value === 'bigint' ? Number(value) : value;
  };
  return {
    enclave_size: at('sgx', 'enclave_size'),
    max_threads: at('sgx', 'max_threads'),
    edmm: at('sgx', 'edmm_enable') ?? false,
    entrypoint: at('libos', 'entrypoint'),
    argv: at('loader', 'argv'),
    trusted_files: trustedFileCount,
    runtime: {
      family: found[labels.family],
      version: found[labels.runtimeVersion],
      patches: patchesOf(found),
      digest: found[labels.runtimeDigest],
      stand_in: found[labels.standIn] === 'true',
    },
    base: { name: found[labels.baseName], digest: found[labels.baseDigest] },
    insecure: insecure.map(({ path, reason }) => ({ key: showPath(path), reason })),
    ...(children.length > 0 && {
      children: children.map(({ name, sigstruct }) => ({ name, ...pythonFields(sigstruct) })),
    }),
  };
}
