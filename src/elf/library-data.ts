import { baseNameOf, type ImagePath, imagePath } from '../base/image-path.ts';

/** What glibc reads beside its libraries; all are directories but the local time, a file. */
export const libraryDataKinds = [
  'time zones',
  'local time',
  'locales',
  'character sets',
  'messages',
] as const;

export type LibraryDataKind = (typeof libraryDataKinds)[number];

/** Where a glibc looks for its data unless a variable says otherwise: paths that were compiled into it. */
export type LibraryDataPlaces = Readonly<Partial<Record<LibraryDataKind, ImagePath>>>;

/**
 * The texts of libc.so.6 that name a place, the surest first. glibc: time/tzfile.c (TZDIR, TZDEFAULT), locale/loadarchive.c
 * and locale/findlocale.c (COMPLOCALEDIR), iconv/gconv_cache.c (GCONV_DIR), catgets/Makefile (NLSPATH begins with the
 * directory of messages), intl/dcigettext.c (LOCALEDIR).
 */
const texts: Readonly<Record<LibraryDataKind, readonly RegExp[]>> = {
  'time zones': [/^(.*\/zoneinfo)$/],
  'local time': [/^(.*\/localtime)$/],
  locales: [/^(.*)\/locale-archive$/, /^(.*(?<!\/share)\/locale)$/],
  'character sets': [/^(.*)\/gconv-modules\.cache$/, /^(.*\/gconv)$/],
  messages: [/^(.*?)\/%L\/%N:/, /^(.*\/share\/locale)$/],
};

/** True for the part of glibc that has the places in it: `libc.so.6`, and `libc-2.31.so` as it was called until 2.33. */
export function hasLibraryData(path: ImagePath): boolean {
  return /^libc(?:\.so\.6|-2\.\d+\.so)$/.test(baseNameOf(path));
}

/** Finds the places in the bytes of a glibc; kinds that it does not name are absent. */
export function libraryDataPlaces(content: Buffer): LibraryDataPlaces {
  const paths = content.toString('latin1').match(/(?<=\0)\/[\w.,+@~=/%:-]+(?=\0)/g) ?? [];
  return Object.fromEntries(
    libraryDataKinds.flatMap((kind) => {
      const places = texts[kind].flatMap((text) => paths.flatMap((path) => text.exec(path)?.[1] ?? []));
      const place = places.find((each) => /^\/[\w.,+@~=/-]+$/.test(each));
      return place === undefined ? [] : [[kind, imagePath(place)]];
    }),
  );
}
