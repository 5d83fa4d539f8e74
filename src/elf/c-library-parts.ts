import { GscError } from '../base/error.ts';
import { type ByteString, baseNameOf, type ImagePath } from '../base/image-path.ts';
import { parseElf } from './elf.ts';
import { definedVersionsOf } from './elf-versions.ts';

/**
 * Names of glibc's shared objects that define versions: the loader and the libraries, as programs ask for them, and with
 * glibc's release in the name as its own files had them until 2.33. glibc, shlib-versions and Makerules.
 */
const partNames =
  /^(?:lib(?:BrokenLocale|anl|c|c_malloc_debug|dl|m|mvec|nsl|nss_\w+|pthread|resolv|rt|thread_db|util)(?:\.so\.\d+|-2\.\d+\.so)|ld-2\.\d+\.so|ld-linux-x86-64\.so\.2)$/;

/** The largest, libc.so.6, has 2 MB; with debug information 15 MB. */
const maximumBytes = 16 << 20;

/** True for a file that may be a part of glibc, by its name and size. */
export function isCLibraryPart(path: ImagePath, sizeBytes: number): boolean {
  return sizeBytes <= maximumBytes && partNames.test(baseNameOf(path));
}

/** The symbol versions that a library defines; undefined for what is not an intact ELF file for x86-64. */
export function versionsDefinedIn(content: Buffer): readonly ByteString[] | undefined {
  try {
    return definedVersionsOf(parseElf(content, 'library'));
  } catch (error) {
    if (error instanceof GscError) return undefined;
    throw error;
  }
}
