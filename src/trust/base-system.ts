import type { ImagePath } from '../base/image-path.ts';
import { matchGlob, parseGlob } from './glob.ts';

/**
 * Places below `/var` of distributions themselves: package managers, login and init systems, and what the Filesystem
 * Hierarchy Standard asks for. Applications neither write nor read there. Debian 12, Alpine 3, Fedora, openSUSE, Arch.
 */
const places = [
  '/var/backups',
  '/var/cache/{adduser,apk,apt,debconf,dnf,dpkg,ldconfig,libdnf5,man,private,yum,zypp,pacman}',
  '/var/lib/{apk,apt,dpkg,dnf,rpm,rpm-state,yum,zypp,pacman,portables,games,misc,initramfs-tools,logrotate,plymouth}',
  '/var/lib/{alternatives,authselect,dbus,emacsen-common,insserv,machines,pam,polkit-1,private,python,sgml-base}',
  '/var/lib/{selinux,shells.state,sudo,systemd,tpm2-tss,ucf,update-rc.d,urandom,vim,xml-core,YaST2}',
  '/var/local',
  '/var/lock',
  '/var/log/{alternatives.log,apk.log,apt,bootstrap.log,btmp,dnf*,dpkg.log,faillog,fontconfig.log,journal,lastlog}',
  '/var/log/{private,tallylog,wtmp,YaST2,zypp,zypper.log}',
  '/var/mail',
  '/var/run',
  '/var/spool/{anacron,cron,lpd,mail}',
  '/var/yp',
]
  .flatMap(alternatives)
  .map(parseGlob);

/** True if the path is, or is in, a place of the distribution itself that applications have nothing to do with. */
export function isBaseSystem(path: ImagePath): boolean {
  return path.startsWith('/var/') && places.some((place) => matchGlob(place, path) !== undefined);
}

/** `/a/{b,c}` as `/a/b` and `/a/c`. */
function alternatives(text: string): readonly string[] {
  const [, before = text, inner = ''] = /^(.*)\{(.*)\}$/.exec(text) ?? [];
  return inner.split(',').map((name) => before + name);
}
