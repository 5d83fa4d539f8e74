import { GscError } from '../../base/error.ts';
import type { ImagePath } from '../../base/image-path.ts';
import { parseElf } from '../../elf/elf.ts';
import { interpreterOf } from '../../elf/elf-dynamic.ts';
import { graminizedPaths } from '../../image/graminized-paths.ts';

/**
 * A loader whose ELF interpreter is the runtime's (`/gramine/host/ld.so`): PT_INTERP is overwritten in place and padded with NULs, all
 * else stays. The loader is not measured, so MRENCLAVE does not change. A static loader, and one that was rewritten
 * before, come back as they are. Throws a `runtime` error if the new path does not fit.
 */
export function redirectInterpreter(
  bytes: Buffer,
  subject: string,
  path: ImagePath = graminizedPaths.hostInterpreter,
): Buffer {
  const field = interpreterOf(parseElf(bytes, subject));
  if (field === undefined || field.path === path) return bytes;
  // The kernel wants the field's last byte to be NUL (fs/binfmt_elf.c, load_elf_binary).
  if (path.length + 1 > field.sizeBytes) {
    throw new GscError({
      code: 'runtime',
      subject,
      message: `no room for the interpreter ${path}: expected ${path.length + 1} bytes, got ${field.sizeBytes} for ${field.path}`,
      hint: 'use a build of the runtime whose loader names the usual /lib64/ld-linux-x86-64.so.2',
    });
  }
  const redirected = Buffer.from(bytes);
  redirected.fill(0, field.offsetBytes, field.offsetBytes + field.sizeBytes);
  redirected.write(path, field.offsetBytes, 'latin1');
  return redirected;
}
