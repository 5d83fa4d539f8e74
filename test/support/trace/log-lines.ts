/** Lines in the form of Gramine's log; what they say is invented. */

/** A message of a process (`2`, or `2:7` with its thread) at the level `trace`, without the newline. */
export function traced(who: string, program: string, text: string): string {
  const [process = '', thread = process] = who.split(':');
  return `(libos_parser.c:1701:buf_write_all) [P${process}:T${thread}:${program}] trace: ${text}`;
}

/** The same as a whole line. */
export function call(who: string, program: string, text: string): string {
  return `${traced(who, program, `---- ${text}`)}\n`;
}

/** Other lines that a log has between those. */
export const noise = [
  '(libos_init.c:387:libos_init) debug: Gramine was built from commit: 1.9\n',
  '(libos_vma.c:663:init_vma) debug: Initial VMA region 0x1000-0x2000 ([stack]) bookkeeped\n',
  '(libos_async.c:270:libos_async_worker) [P1:libos] debug: Async worker thread started\n',
  "(fs.c:409:is_open_allowed) [P1:T1:] warning: Allowing access to unknown file 'app' due to file_check_policy.\n",
  "(pal_files.c:82:file_open) warning: Allowing access to unknown file '/usr/bin/app' due to file_check_policy settings.\n",
  '(libos_exec.c:78:__libos_syscall_execve_rtld) [P3:T3:sort] debug: execve: start execution\n',
];
