import type { Environment } from '../start/environment.ts';
import type { ExclusionRule } from './exclusion-rules.ts';

/** How much of an image is trusted: all that is not excluded, or only what programs read at run time. */
export type TrustLevel = 'full' | 'lean';

export const trustLevels: readonly TrustLevel[] = ['full', 'lean'];

/**
 * What `lean` leaves out besides: classes of files that no program reads while it serves its purpose. Not in the list,
 * because programs do read them: time zones, terminal descriptions, character sets and compiled locales; `*.pyc`; `.la`
 * files of plug-ins (ImageMagick and OpenLDAP load them; those directly in a library directory serve linkers alone);
 * `*.pod` (Perl's `diagnostics`); `/etc/init.d` and `/etc/cron*`, which entrypoint scripts start services from; `/usr/src`,
 * where images like to keep their applications.
 */
export const leanRules: readonly ExclusionRule[] = [
  ...rules('documentation: Debian policy 12.3 and others forbid that programs need it', [
    '/usr/share/doc',
    '/usr/share/doc-base',
    '/usr/share/gtk-doc',
    '/usr/local/share/doc',
    '/usr/share/licenses',
    '/usr/share/common-licenses',
  ]),
  ...rules('manual pages, which only readers of manuals open', [
    '/usr/share/man',
    '/usr/share/info',
    '/usr/local/share/man',
    '/usr/local/share/info',
    '/usr/local/man',
  ]),
  ...rules('static libraries, which only linkers read', [
    '/lib/**/*.a',
    '/usr/lib/**/*.a',
    '/lib64/**/*.a',
    '/usr/lib64/**/*.a',
    '/usr/local/lib/**/*.a',
    '/usr/local/lib64/**/*.a',
  ]),
  ...rules("libtool's notes for linkers", [
    '/usr/lib/*.la',
    '/usr/lib/*-linux-*/*.la',
    '/usr/lib64/*.la',
    '/usr/local/lib/*.la',
  ]),
  ...rules('headers, which only compilers read', ['/usr/include', '/usr/local/include']),
  ...rules('notes for builds: pkg-config, CMake, autoconf', [
    '/usr/**/pkgconfig/*.pc',
    '/usr/lib/cmake',
    '/usr/lib/*-linux-*/cmake',
    '/usr/lib64/cmake',
    '/usr/local/lib/cmake',
    '/usr/share/aclocal',
  ]),
  ...rules('data of package managers', [
    '/etc/apt',
    '/etc/dpkg',
    '/usr/lib/apt',
    '/usr/lib/dpkg',
    '/usr/share/dpkg',
    '/usr/share/debconf',
    '/usr/share/keyrings',
    '/usr/share/bug',
    '/usr/share/lintian',
    '/usr/lib/rpm',
    '/usr/lib/sysimage/rpm',
    '/etc/yum.repos.d',
    '/lib/apk',
    '/usr/lib/apk',
    '/etc/apk',
  ]),
  ...rules('completion in interactive shells', [
    '/etc/bash_completion.d',
    '/usr/share/bash-completion',
    '/usr/share/zsh/site-functions',
    '/usr/share/zsh/vendor-completions',
    '/usr/share/fish/completions',
    '/usr/share/fish/vendor_completions.d',
  ]),
  ...rules('units of systemd, which no container runs', [
    '/etc/systemd',
    '/lib/systemd/system',
    '/lib/systemd/user',
    '/usr/lib/systemd/system',
    '/usr/lib/systemd/user',
    '/usr/lib/systemd/system-preset',
    '/usr/lib/systemd/user-preset',
    '/usr/lib/tmpfiles.d',
    '/usr/lib/sysusers.d',
  ]),
  ...rules('settings of logrotate, which an enclave does not run', ['/etc/logrotate.d']),
  ...rules('symbols and scripts for debuggers', ['/usr/lib/debug', '/usr/share/gdb']),
  ...rules('sources of locales, which only localedef reads', ['/usr/share/i18n/locales']),
];

/**
 * Translations of messages. A program that finds none prints its own words (gettext), so they are left out where the
 * image's environment asks for no language; compiled locales, without which `setlocale` fails, always stay.
 */
const translationRules = rules('translated messages: the environment sets no language', [
  '/usr/share/locale/*/LC_MESSAGES',
  '/usr/local/share/locale/*/LC_MESSAGES',
]);

/** The rules of `lean` for an image; `usesTranslations` if programs in it may be asked for another language. */
export function leanRulesFor(usesTranslations: boolean): readonly ExclusionRule[] {
  return usesTranslations ? leanRules : [...leanRules, ...translationRules];
}

/** The variables that gettext takes the language from: gettext manual, "Locale Environment Variables". */
export const languageVariables: readonly string[] = ['LANGUAGE', 'LC_ALL', 'LC_MESSAGES', 'LANG'];

/** True if a variable asks for another language than that of the programs themselves. */
export function asksForLanguage({ variables }: Pick<Environment, 'variables'>): boolean {
  return variables.some(
    ([name, value]) => languageVariables.includes(name) && !/^(|C|POSIX|C\..*)$/.test(value),
  );
}

function rules(reason: string, patterns: readonly string[]): readonly ExclusionRule[] {
  return patterns.map((pattern) => ({ pattern, reason }));
}
