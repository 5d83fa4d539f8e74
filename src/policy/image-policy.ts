import * as v from 'valibot';
import { strictObjectOf } from '../base/object-schema.ts';
import { everything, hexOf, type Selection, selectionOf, toSelection } from './attest-policy.ts';
import { listOf, naturalNumber, truth } from './policy-values.ts';

/** Which graminized images `gsc verify-image` accepts. */
export interface ImagePolicy {
  readonly isDebugAllowed: boolean;
  /** Keys of the manifest that weaken the enclave and are accepted, as in `sys.insecure__allow_eventfd`. */
  readonly insecureOptions: readonly string[];
  /** Places inside: an entry of `sgx.allowed_files` has to be one of them or lie below one. */
  readonly allowedFiles: readonly string[];
  /** Variables that the host may set; `*` is any. */
  readonly hostEnvironment: readonly string[];
  readonly areHostArgumentsAllowed: boolean;
  /** Accepted ISVPRODIDs; undefined for any. */
  readonly products: readonly number[] | undefined;
  /** Least ISVSVN. */
  readonly minIsvSvn: number | undefined;
  /** MRSIGNER, 32 bytes in lower-case hex. */
  readonly signers: Selection;
  /** Versions (`1.9`) or digests of the runtime's files. */
  readonly runtimes: Selection;
  /** Names or digests of app images. */
  readonly bases: Selection;
  readonly maxAgeDays: number | undefined;
}

/** What counts where a policy says nothing: nothing that weakens the enclave. */
export const defaultImagePolicy: ImagePolicy = {
  isDebugAllowed: false,
  insecureOptions: [],
  allowedFiles: [],
  hostEnvironment: [],
  areHostArgumentsAllowed: false,
  products: undefined,
  minIsvSvn: undefined,
  signers: everything,
  runtimes: everything,
  bases: everything,
  maxAgeDays: undefined,
};

const mostIsvNumber = 0xffff;
const mostDays = 36_500;
const name = v.pipe(v.string(), v.minLength(1, 'expected a text that is not empty'));
const place = v.pipe(
  v.string(),
  v.regex(/^\/(?:[^/]+(?:\/[^/]+)*)?$/, 'expected an absolute path like /data'),
);

/** The section `verify-image` of a policy file; every scalar is a text. */
export const imageSection = strictObjectOf(
  {
    debug: v.optional(truth),
    insecure_options: v.optional(listOf(name)),
    allowed_files: v.optional(listOf(place)),
    host_environment: v.optional(listOf(name)),
    host_arguments: v.optional(truth),
    isv_prod_id: v.optional(listOf(naturalNumber(mostIsvNumber))),
    min_isv_svn: v.optional(naturalNumber(mostIsvNumber)),
    signers: selectionOf(hexOf(32)),
    runtimes: selectionOf(name),
    bases: selectionOf(name),
    max_age_days: v.optional(naturalNumber(mostDays)),
  },
  'expected keys with values',
);

/** The policy of a section: the default where it says nothing. */
export function toImagePolicy(section: v.InferOutput<typeof imageSection>): ImagePolicy {
  const base = defaultImagePolicy;
  return {
    isDebugAllowed: section.debug ?? base.isDebugAllowed,
    insecureOptions: section.insecure_options ?? base.insecureOptions,
    allowedFiles: section.allowed_files ?? base.allowedFiles,
    hostEnvironment: section.host_environment ?? base.hostEnvironment,
    areHostArgumentsAllowed: section.host_arguments ?? base.areHostArgumentsAllowed,
    products: section.isv_prod_id ?? base.products,
    minIsvSvn: section.min_isv_svn ?? base.minIsvSvn,
    signers: toSelection(section.signers),
    runtimes: toSelection(section.runtimes),
    bases: toSelection(section.bases),
    maxAgeDays: section.max_age_days ?? base.maxAgeDays,
  };
}
