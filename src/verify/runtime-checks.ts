import { labels } from '../image/labels.ts';
import { type Runtime, runtimeDigest } from '../runtime/runtime.ts';
import { failed, type ImageCheck, mismatch, notChecked, ok } from './check.ts';
import { diffMaps, showChange } from './diff-facts.ts';
import { type GraminizedImage, showLayer } from './graminized-image.ts';
import { listRuntimeFiles, raTlsIn, runtimeFilesIn } from './image-runtime.ts';

/** Group 6: the runtime in the image is the given one, file by file; without one, its files are listed to be compared. */
export function runtimeChecks(image: GraminizedImage, runtime: Runtime | undefined): readonly ImageCheck[] {
  const files = runtimeFilesIn(image);
  const digest = runtimeDigest({ files });
  const stated = `${image.labels[labels.family] ?? 'runtime'} ${image.labels[labels.runtimeVersion] ?? 'unknown'}`;
  const subject = `${stated}, ${digest}`;
  if (runtime === undefined) {
    const detail =
      'no runtime was given, and only a label says which version it is: --runtime REF compares it; its files:';
    return [
      notChecked('runtime', {
        subject,
        detail,
        lines: listRuntimeFiles(image).map(({ path, sha256 }) => `${sha256}  ${path}`),
      }),
    ];
  }
  const version = image.labels[labels.runtimeVersion];
  if (runtime.version.text !== version) {
    const detail = `${mismatch(runtime.version.text, version ?? 'none')}: the image's label names another version than ${runtime.subject} has`;
    return [failed('runtime', { subject, detail })];
  }
  // No digest of a runtime is of gramine-ratls too, but it comes from the runtime.
  const raTls = raTlsIn(image);
  const own = raTls ? [...files, raTls] : files;
  const expected = raTls && runtime.raTls ? [...runtime.files, runtime.raTls] : runtime.files;
  const factOf = ({ sha256, mode }: { sha256: string; mode: number }) => `${sha256} ${mode.toString(8)}`;
  const changes = diffMaps(
    new Map(expected.map((file) => [file.path, factOf(file)])),
    new Map(own.map((file) => [file.path, factOf(file)])),
  );
  if (changes.length === 0) {
    return [ok('runtime', { subject, detail: `its ${own.length} files are those of ${runtime.subject}` })];
  }
  const detail = `${changes.length} of its files are not those of ${runtime.subject}: ${changes
    .slice(0, 3)
    .map(({ subject: path }) => path)
    .join(', ')}`;
  const lines = [`- ${runtime.subject}, + ${showLayer(image.image, image.record.value?.base.length ?? 0)}`];
  return [failed('runtime', { subject, detail, lines: [...lines, ...changes.map(showChange)] })];
}
