// Debian packages that tests need: found by their command, installed by apt-get where root or sudo allows, else named.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Command → the Debian or Ubuntu package that brings it. */
const PACKAGES = {
  sipp: 'sip-tester',
  'redis-server': 'redis-server',
  rtpengine: 'rtpengine-daemon',
  nft: 'nftables',
  baresip: 'baresip-core',
  linphonec: 'linphone-cli',
  sipsak: 'sipsak',
  kamailio: 'kamailio',
};
/** Their packages start them as a service, on the port of SIP itself: not on a machine where somebody may use it. */
const SERVICES = ['kamailio'];

function isOnPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const succeeds = (command, args, options = {}) =>
  spawnSync(command, args, { stdio: ['ignore', 'ignore', 'ignore'], ...options }).status === 0;

/** How to become root without being asked for a password: nothing to do, sudo, or not at all. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  if (isOnPath('sudo') && succeeds('sudo', ['-n', 'true'])) return ['sudo', '-n'];
  return undefined;
}

/** Makes sure that the commands are there; false after saying on standard error what the reader has to install. */
export function installSystemPackages(commands) {
  const missing = commands.filter((command) => !isOnPath(command));
  if (missing.length === 0) return true;
  const packages = missing.map((command) => PACKAGES[command]);
  const hasApt = isOnPath('apt-get');
  const prefix = hasApt ? rootPrefix() : undefined;
  if (prefix !== undefined && aptInstall(prefix, packages) && missing.every(isOnPath)) return true;
  const reason = !hasApt
    ? 'this machine lacks'
    : prefix === undefined
      ? 'only root may install'
      : 'apt-get could not install';
  process.stderr.write(
    `\nThe tests need ${missing.join(', ')}, which ${reason}. ` +
      `On Debian or Ubuntu:\n\n    sudo apt-get install --yes ${packages.join(' ')}\n\nThen run npm test again. ` +
      'On a machine without apt, SIPP="…" names a command that runs SIPp, such as a container on the host\'s network.\n',
  );
  return false;
}

/** Installs what some tests do without, if that is possible without asking; says what will be skipped otherwise. */
export function installOptionalPackages(commands) {
  const missing = commands.filter((command) => !isOnPath(command));
  const wanted = missing.filter((command) => !(SERVICES.includes(command) && startsServices()));
  const prefix = isOnPath('apt-get') ? rootPrefix() : undefined;
  if (wanted.length > 0 && prefix !== undefined) {
    const packages = wanted.map((command) => PACKAGES[command]);
    // One that this distribution lacks is not to keep the others away.
    if (!aptInstall(prefix, packages)) for (const name of packages) aptInstall(prefix, [name]);
  }
  const absent = missing.filter((command) => !isOnPath(command));
  if (absent.length === 0) return;
  process.stderr.write(`Tests that need ${absent.join(' or ')} will be skipped, each with its reason.\n`);
}

function startsServices() {
  return existsSync('/run/systemd/system');
}

function aptInstall(prefix, packages) {
  process.stderr.write(`Installing Debian packages: ${packages.join(' ')} …\n`);
  const apt = (...args) => {
    const [command, ...rest] = [...prefix, 'apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=300', ...args];
    return succeeds(command, rest, {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  };
  const installed = () => apt('install', '--yes', '--no-install-recommends', ...packages);
  // The package lists of a fresh machine are empty or old: fetched only when the first try shows that.
  return installed() || (apt('update') && installed());
}
