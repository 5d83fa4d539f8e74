import { labels } from '../image/labels.ts';
import { manifestsLabel } from '../runtime/places.ts';
import { runtimeDigest } from '../runtime/runtime.ts';
import { showVersion } from '../runtime/version.ts';
import { type Finding, failures, type ImageCheck, mismatch, notChecked, okUnless } from './check.ts';
import type { GraminizedImage } from './graminized-image.ts';
import { runtimeFilesIn } from './image-runtime.ts';

const name = 'labels';
const protection = 'not-protected';

/** Group 4: what the labels say is so. */
export function labelChecks(image: GraminizedImage): readonly ImageCheck[] {
  const found: Finding[] = [
    ...signatureLabels(image),
    ...placeLabel(image),
    ...[image.version, image.record].flatMap(({ problem }) =>
      problem === undefined || /missing$/.test(problem)
        ? []
        : [{ subject: 'label', detail: problem, protection } as const],
    ),
  ];
  const digest = runtimeDigest({ files: runtimeFilesIn(image) });
  const stated = image.labels[labels.runtimeDigest];
  if (stated !== digest) {
    const detail = `${mismatch(stated ?? 'a digest', digest)} by the files: the runtime is not the one that the label names`;
    found.push({ subject: `label ${labels.runtimeDigest}`, detail, protection });
  }
  const missing = [labels.runtimeVersion, labels.family, labels.toolVersion].filter(
    (label) => image.labels[label] === undefined,
  );
  for (const label of missing)
    found.push({ subject: `label ${label}`, detail: 'gsc build writes it; it is missing', protection });
  const tool = image.labels[labels.toolVersion];
  const runtime = image.version.value ? showVersion(image.version.value) : 'of unknown version';
  const checks = okUnless(failures(name, found, name), name, () => ({
    subject: name,
    detail: `as the image's files have it: ${digest}; only a label says: ${runtime}, gsc ${tool}`,
    protection,
  }));
  const unrecorded = image.labels[labels.build] === undefined;
  const detail = 'the image was built by a gsc that noted nothing of the build';
  return unrecorded ? [...checks, notChecked(name, { subject: labels.build, detail, protection })] : checks;
}

/** Where the enclaves' files are is read from the label only where the loader does not fix it. */
function placeLabel({ enclaves, labels: found }: GraminizedImage): readonly Finding[] {
  const expected = manifestsLabel(enclaves.map(({ files }) => files))[labels.manifests];
  const got = found[labels.manifests];
  if (got === expected) return [];
  const detail = `${mismatch(expected ?? 'none', got ?? 'none')}: what starts are not the enclaves that the label names`;
  return [{ subject: `label ${labels.manifests}`, detail, protection }];
}

function signatureLabels({ signature, labels: found }: GraminizedImage): readonly Finding[] {
  const signed = signature.value;
  if (signed === undefined) return [];
  const expected = [
    [labels.mrEnclave, signed.mrEnclave],
    [labels.mrSigner, signed.mrSigner],
    [labels.isvProdId, String(signed.isvProdId)],
    [labels.isvSvn, String(signed.isvSvn)],
  ] as const;
  return expected.flatMap(([label, value]) => {
    const got = found[label];
    if (got === value) return [];
    const detail = `${mismatch(`${value} (SIGSTRUCT)`, got ?? 'none')}: tools that read the label are misled`;
    return [{ subject: `label ${label}`, detail, protection }];
  });
}
