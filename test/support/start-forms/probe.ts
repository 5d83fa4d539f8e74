/** What a program sees of how it was started. */
export interface Report {
  readonly argv: readonly string[];
  /** Sorted. */
  readonly environment: readonly string[];
  /** Real and effective. */
  readonly ids: string;
  readonly workingDirectory: string;
}

/** Prints how it was started; names and values in hexadecimal, as they may hold anything. */
export const probeSource = `#include <stdio.h>
#include <unistd.h>
extern char **environ;
static void show(const char *what, const char *text) {
    printf("%s ", what);
    for (; *text; text++)
        printf("%02x", (unsigned char)*text);
    putchar('\\n');
}
int main(int argc, char **argv) {
    static char directory[1 << 16];
    printf("probe\\n");
    for (int i = 0; i < argc; i++)
        show("argv", argv[i]);
    for (char **entry = environ; *entry; entry++)
        show("env", *entry);
    printf("ids %d %d %d %d\\n", (int)getuid(), (int)geteuid(), (int)getgid(), (int)getegid());
    if (getcwd(directory, sizeof(directory)))
        show("cwd", directory);
    return 0;
}
`;

/** Differ by nature: the container's own name, and where the library OS finds its C library. */
const incomparable = /^(HOSTNAME|LD_LIBRARY_PATH)=/;

/** Reads what the probe printed; undefined if it did not run. */
export function parseReport(output: string): Report | undefined {
  const lines = output.split('\n');
  if (!lines.includes('probe')) return undefined;
  const valuesOf = (what: string) =>
    lines
      .filter((line) => line.startsWith(`${what} `))
      .map((line) => Buffer.from(line.slice(what.length + 1), 'hex').toString('utf8'));
  return {
    argv: valuesOf('argv'),
    environment: valuesOf('env')
      .filter((entry) => !incomparable.test(entry))
      .sort(),
    ids: lines.find((line) => line.startsWith('ids ')) ?? '',
    workingDirectory: valuesOf('cwd').join(),
  };
}
