import type { SettingName } from './setting-table.ts';

/** A value and where it stands. */
export interface Setting {
  /** One, or several of a list; empty only where the setting's row says that this means something. */
  readonly values: readonly string[];
  readonly line: number;
  readonly column: number;
  /** `config.yaml:3:10`. */
  readonly place: string;
}

/** What a configuration file says; nothing, if there is none. */
export interface Configuration {
  /** As the user named it. */
  readonly file: string | undefined;
  /** What relative paths in it are relative to: the file's directory. */
  readonly directory: string;
  readonly settings: ReadonlyMap<string, Setting>;
}

/** A setting, if it is made; an empty one counts as not made. */
export function settingOf(configuration: Configuration, name: SettingName): Setting | undefined {
  return configuration.settings.get(name);
}
