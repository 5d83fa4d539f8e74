import { bytesOfText, imagePath, isWithin } from '../base/image-path.ts';
import type { InsecureOption } from '../manifest/insecure-options.ts';
import { pathOfUri, uriOf } from '../manifest/schema/file-uri.ts';
import { isArray, isTable, showPath, type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import type { ImagePolicy } from '../policy/image-policy.ts';
import type { SigstructDescription } from '../signature/describe-sigstruct.ts';
import { failed, failures, type ImageCheck, notChecked, ok, okUnless } from './check.ts';
import type { GraminizedImage } from './graminized-image.ts';
import { judge, type OriginContext, selectionCheck } from './origin-checks.ts';

export interface PolicyContext extends OriginContext {
  /** For which time the signature's age is judged; without it that is not judged. */
  readonly at?: Date;
}

/** Group 7: what the user of an enclave accepts. */
export function policyChecks(image: GraminizedImage, context: PolicyContext): readonly ImageCheck[] {
  return [...manifestChecks(image, context.policy), ...signatureChecks(image, context)];
}

function manifestChecks(
  { manifest, signature }: GraminizedImage,
  policy: ImagePolicy,
): readonly ImageCheck[] {
  const names = [
    'policy-debug',
    'policy-insecure-options',
    'policy-allowed-files',
    'policy-host-environment',
    'policy-host-arguments',
  ] as const;
  if (manifest.value === undefined) {
    const finding = { subject: 'manifest', detail: 'needs a manifest that can be read' };
    return names.map((name) => notChecked(name, finding));
  }
  const { root, insecureOptions } = manifest.value;
  const found = insecureOptions.map((option): NamedOption => ({ ...option, key: showPath(option.path) }));
  const isDebug = signature.value?.isDebug === true || found.some(({ key }) => key === 'sgx.debug');
  return [
    debugCheck(isDebug, policy),
    ...insecureChecks(found, policy),
    ...allowedFileChecks(root, policy),
    ...environmentChecks(root, found, policy),
    argumentsCheck(found, policy),
  ];
}

/** With the name that a policy accepts it by. */
interface NamedOption extends InsecureOption {
  readonly key: string;
}

function debugCheck(isDebug: boolean, { isDebugAllowed }: ImagePolicy): ImageCheck {
  const name = 'policy-debug';
  const subject = 'sgx.debug';
  if (!isDebug) return ok(name, { subject, detail: 'not a debug enclave' });
  const detail = 'a debug enclave: whoever runs it reads and changes its memory';
  return isDebugAllowed
    ? ok(name, { subject, detail: `${detail}; the policy accepts it` })
    : failed(name, { subject, detail: `${detail}; debug: true in the policy accepts it` });
}

/** Those that have a check of their own. */
const ownChecks =
  /^(?:sgx\.debug|sgx\.allowed_files|loader\.insecure__use_(?:cmdline_argv|host_env)|loader\.(?:argv|env)_src_file|loader\.env\..*\.passthrough)$/s;

function insecureChecks(all: readonly NamedOption[], policy: ImagePolicy): readonly ImageCheck[] {
  const name = 'policy-insecure-options';
  const found = all.filter(({ key }) => !ownChecks.test(key));
  const accepted = new Set(policy.insecureOptions);
  const refused = found
    .filter(({ key }) => !accepted.has(key))
    .map((option) => ({
      subject: option.key,
      detail: `${withoutStop(option)}; the policy does not accept it: insecure_options: [${yamlText(option.key)}] does`,
    }));
  return okUnless(failures(name, refused, 'manifest'), name, () => ({
    subject: 'manifest',
    detail: found.length === 0 ? 'none' : `accepted: ${found.map(({ key }) => key).join(', ')}`,
  }));
}

function allowedFileChecks(root: TomlTable, { allowedFiles }: ImagePolicy): readonly ImageCheck[] {
  const name = 'policy-allowed-files';
  const listed = valueAt(root, ['sgx', 'allowed_files']);
  const entries = (isTable(listed) ? [...listed.values()] : isArray(listed) ? listed : []).map(
    (entry) => uriOf(entry) ?? '',
  );
  const places = allowedFiles.map((place) => imagePath(bytesOfText(place)));
  const refused = entries
    .filter((entry) => {
      const path = pathOfUri(entry);
      return path === undefined || !places.some((place) => isWithin(path, place));
    })
    .map((entry) => ({
      subject: entry,
      detail: 'the host reads and changes it at will; the policy does not list it in allowed_files',
    }));
  return okUnless(failures(name, refused, 'sgx.allowed_files'), name, () => ({
    subject: 'sgx.allowed_files',
    detail: entries.length === 0 ? 'none' : `accepted: ${entries.join(', ')}`,
  }));
}

/** What gives all variables to the host, or all arguments. */
const environmentSources = /^loader\.(?:insecure__use_host_env|env_src_file)$/;
const argumentSources = /^loader\.(?:insecure__use_cmdline_argv|argv_src_file)$/;

function environmentChecks(
  root: TomlTable,
  found: readonly NamedOption[],
  { hostEnvironment }: ImagePolicy,
): readonly ImageCheck[] {
  const name = 'policy-host-environment';
  const subject = 'loader.env';
  const isAny = hostEnvironment.includes('*');
  const source = found.find(({ key }) => environmentSources.test(key));
  if (source && !isAny) {
    const detail = `${withoutStop(source)}; host_environment: ["*"] in the policy accepts it`;
    return [failed(name, { subject: source.key, detail })];
  }
  const table = valueAt(root, ['loader', 'env']);
  const passed = (isTable(table) ? [...table] : []).flatMap(([variable, value]) =>
    isTable(value) && value.get('passthrough') === true ? [variable] : [],
  );
  const refused = passed
    .filter((variable) => !isAny && !hostEnvironment.includes(variable))
    .map((variable) => ({
      subject: `${subject}.${variable}`,
      detail: 'the host chooses its value; the policy does not list it in host_environment',
    }));
  const accepted = [...(source ? [source.key] : []), ...passed];
  return okUnless(failures(name, refused, subject), name, () => ({
    subject,
    detail: accepted.length === 0 ? 'no variable comes from the host' : `accepted: ${accepted.join(', ')}`,
  }));
}

function argumentsCheck(found: readonly NamedOption[], { areHostArgumentsAllowed }: ImagePolicy): ImageCheck {
  const name = 'policy-host-arguments';
  const source = found.find(({ key }) => argumentSources.test(key));
  if (source === undefined) return ok(name, { subject: 'loader.argv', detail: 'they are measured' });
  const { key: subject } = source;
  const detail = withoutStop(source);
  return areHostArgumentsAllowed
    ? ok(name, { subject, detail: `${detail}; the policy accepts it` })
    : failed(name, { subject, detail: `${detail}; host_arguments: true in the policy accepts it` });
}

/** As it is written in a list of a policy. */
function yamlText(text: string): string {
  return /^[\w.]+$/.test(text) ? text : JSON.stringify(text);
}

function withoutStop({ reason }: InsecureOption): string {
  return reason.replace(/\.$/, '');
}

function signatureChecks({ signature }: GraminizedImage, context: PolicyContext): readonly ImageCheck[] {
  const names = ['policy-product', 'policy-isvsvn', 'policy-signer', 'policy-age'] as const;
  const signed = signature.value;
  if (signed === undefined) {
    const finding = { subject: 'SIGSTRUCT', detail: 'needs a SIGSTRUCT that is well-formed' };
    return names.map((name) => notChecked(name, finding));
  }
  const { products, minIsvSvn, signers } = context.policy;
  const { isvProdId, isvSvn, mrSigner } = signed;
  return [
    judge('policy-product', 'ISVPRODID', products && !products.includes(isvProdId), {
      got: String(isvProdId),
      expected: products?.join(' or '),
    }),
    judge('policy-isvsvn', 'ISVSVN', minIsvSvn !== undefined && isvSvn < minIsvSvn, {
      got: String(isvSvn),
      expected: minIsvSvn === undefined ? undefined : `at least ${minIsvSvn}`,
    }),
    selectionCheck('policy-signer', { subject: 'MRSIGNER', proven: [mrSigner] }, signers),
    ageCheck(signed, context),
  ];
}

const dayMilliseconds = 86_400_000;

function ageCheck({ date }: SigstructDescription, { policy, at }: PolicyContext): ImageCheck {
  if (at === undefined) {
    const detail = `${date}: how old that is depends on the day; gsc verify-image judges it`;
    return notChecked('policy-age', { subject: 'SIGSTRUCT date', detail });
  }
  const days = Math.floor((at.getTime() - Date.parse(`${date}T00:00:00Z`)) / dayMilliseconds);
  const { maxAgeDays } = policy;
  // A day ahead is a clock in another time zone.
  const isTooOld = maxAgeDays !== undefined && !(days >= -1 && days <= maxAgeDays);
  return judge('policy-age', 'SIGSTRUCT date', isTooOld, {
    got: `${date}, ${Number.isNaN(days) ? 'not a day' : `${days} days ago`}`,
    expected: maxAgeDays === undefined ? undefined : `at most ${maxAgeDays} days`,
  });
}
