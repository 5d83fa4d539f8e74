import { GscError } from '../base/error.ts';
import { baseNameOf, type ImagePath } from '../base/image-path.ts';
import type { GramineEnclave } from '../enclave/gramine-enclave.ts';
import type { Image } from '../image/image.ts';
import { stateOf } from '../image/labels.ts';
import type { InsecureOption } from '../manifest/insecure-options.ts';
import type { AppliedPreset } from '../manifest/preset/presets.ts';
import { hostNeeds } from '../runtime/app-launch.ts';
import type { AppLaunch } from '../runtime/launch-order.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type EnclavePlan, layOutPlan } from '../signature/enclave-plan.ts';
import type { ContainerProcess } from '../start/container-process.ts';
import type { TrustLevel } from '../trust/trust-level.ts';
import type { TrustedSelection } from '../trust/trusted-files.ts';
import { buildNotes } from './build-notes.ts';
import type { GraminizeOptions } from './build-options.ts';
import { buildChildren, type ChildEnclave, checkFirstName, checkSizes } from './child-enclaves.ts';
import type { LibcDecision } from './choose-libc.ts';
import { type ComposedManifest, composeManifest } from './compose-manifest.ts';
import { planEnclave } from './enclave-plan.ts';
import type { GraminizeContext } from './graminize-context.ts';
import { appendGraminizedLayers, type BuiltEnclave, launchOf } from './graminized-layers.ts';
import { makeContext } from './make-context.ts';
import type { ProfileBasis } from './profiled-selection.ts';
import { type StartCosts, startCosts } from './start-costs.ts';
import { findUndecidedPlaces, type UndecidedPlaces } from './undecided-places.ts';

/** The unsigned image and what was decided on the way. */
export interface Graminized extends ComposedManifest, UndecidedPlaces {
  readonly image: Image;
  /** As it is measured when the image is signed. */
  readonly enclave: GramineEnclave;
  /** The enclaves in the order in which they are signed: a child before those that may start it, the first program's last. */
  readonly plans: readonly EnclavePlan[];
  /** Options of `docker run` that give a signed image its enclave. */
  readonly runOptions: readonly string[];
  readonly start: ContainerProcess;
  readonly libc: LibcDecision;
  readonly selection: TrustedSelection;
  readonly trustLevel: TrustLevel;
  /** Of a build with a profile: why each file is trusted, by its real path. */
  readonly profileBasis?: ReadonlyMap<ImagePath, ProfileBasis>;
  readonly startCosts: StartCosts;
  readonly trustedFileCount: number;
  readonly insecure: readonly InsecureOption[];
  readonly preset?: AppliedPreset;
  /** What the user should know about the image: things that are lost, or work differently from outside. */
  readonly notes: readonly string[];
  /** How long Gramine takes to parse the manifest, at the start of every process, on a fast machine. */
  readonly predictedStartSeconds: number;
}

/** The unsigned image alone. */
export type GraminizedAlone = Pick<Graminized, 'image' | 'enclave' | 'plans'>;

/**
 * Turns an app image into one that starts in an enclave: finds out how it starts, chooses its trusted files, composes the
 * manifest and adds two layers, the runtime and the app files. Same inputs, same bytes. Throws a `state` error for an
 * image that is graminized already, `manifest` errors for the user's manifest, and what finding the start throws.
 */
export async function graminize(
  app: Image,
  runtime: Runtime,
  options: GraminizeOptions = {},
): Promise<Graminized> {
  const { context, composed, children, launch, ...built } = await buildImage(app, runtime, options);
  const { manifest } = composed;
  const { start, selection, trustLevel, preset, libcDecision, profiled } = context;
  const costs = startCosts(context, manifest);
  return {
    ...composed,
    ...findUndecidedPlaces(context, manifest),
    ...built,
    runOptions: runOptions(runtime),
    start,
    libc: libcDecision,
    selection,
    trustLevel,
    startCosts: costs,
    trustedFileCount: manifest.trustedFileCount,
    insecure: manifest.insecureOptions,
    ...(preset && { preset }),
    ...(profiled && { profileBasis: profiled.basis }),
    notes: [
      ...buildNotes(context, composed),
      ...launch.notes,
      ...children.flatMap((child) => child.notes),
      ...libcDecision.notes,
      ...(profiled?.notes ?? []),
    ],
    predictedStartSeconds: (costs[context.costLevel] ?? costs[trustLevel]).predictedSeconds,
  };
}

/** As {@link graminize}, without what a user should know about the image: for one that is only compared. */
export async function graminizeAlone(
  app: Image,
  runtime: Runtime,
  options: GraminizeOptions,
): Promise<GraminizedAlone> {
  const { image, enclave, plans } = await buildImage(app, runtime, options);
  return { image, enclave, plans };
}

interface BuiltImage extends GraminizedAlone {
  readonly context: GraminizeContext;
  readonly composed: ComposedManifest;
  readonly children: readonly ChildEnclave[];
  readonly launch: AppLaunch;
}

async function buildImage(app: Image, runtime: Runtime, options: GraminizeOptions): Promise<BuiltImage> {
  checkIsAppImage(app);
  const children = await buildChildren(app, runtime, options);
  const childSignatures = children.map(({ plan }) => baseNameOf(plan.files.sigstruct));
  const context = await makeContext(app, runtime, { ...options, childSignatures });
  const composed = await composeManifest(context);
  const plan = await planEnclave(context, composed);
  checkFirstName(children, plan);
  // Laid out now, so that an enclave that is too small is found here and not when it is signed.
  const enclave = await layOutPlan(plan);
  checkSizes(children, enclave);
  const enclaves: readonly BuiltEnclave[] = [
    { ...plan, ownFiles: composed.ownFiles },
    ...children.toReversed().map((child) => ({ ...child.plan, ownFiles: child.ownFiles })),
  ];
  const launch = launchOf(context, enclaves);
  return {
    ...{ context, composed, children, launch, enclave },
    image: appendGraminizedLayers(context, enclaves, { launch, attested: composed.attested, options }),
    plans: [...children.map((child) => child.plan), plan],
  };
}

/** Those of the devices' usual names; Gramine's are what every guide to SGX names. */
function runOptions({ version }: Runtime): readonly string[] {
  const { aesm, devices, enclaveOptions } = hostNeeds(version);
  const usual = devices.flatMap(({ paths }) => paths.slice(0, 1));
  return aesm.isAlwaysAsked ? enclaveOptions(usual, true) : [];
}

/** Throws a `state` error for an image that is graminized already. */
export function checkIsAppImage(app: Image): void {
  const state = stateOf(app.config.config?.Labels ?? {});
  if (state === 'app') return;
  throw new GscError({
    code: 'state',
    subject: app.name,
    message: `expected an app image, got one that is ${state === 'signed' ? 'graminized and signed' : 'graminized'} already`,
    hint:
      state === 'signed' ? 'start from the app image that it was made from' : 'sign it with gsc sign-image',
  });
}
