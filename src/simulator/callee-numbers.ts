// Numbers to dial, one for each serial number and class: made up, but such as the Korean numbering plan has.
import type { NumberClass } from '../numbers/number-class.js';

const REPRESENTATIVE = [1522, 1544, 1566, 1577, 1588, 1599, 1600, 1644, 1661, 1666, 1688, 1800, 1833, 1855, 1877, 1899];
const SPECIAL = ['120', '114', '131', '1330', '1335'];
const EMERGENCY = ['119', '112'];

/** As a Korean PBX dials it. Classes with few numbers begin again after the last one. */
export function calleeNumber(numberClass: NumberClass, serial: number): string {
  switch (numberClass) {
    case 'mobile':
      // Up to 010-5899: some blocks after it are not in use.
      return `010${20_000_000 + (serial % 39_000_000)}`;
    case 'landline':
      return `02${20_000_000 + (serial % 70_000_000)}`;
    case 'internet':
      return `070${40_000_000 + (serial % 60_000_000)}`;
    case 'representative':
      return `${REPRESENTATIVE[Math.floor(serial / 10_000) % REPRESENTATIVE.length]}${lastDigits(serial, 4)}`;
    case 'premium':
      return `060${7_000_000 + (serial % 3_000_000)}`;
    case 'special':
      return SPECIAL[serial % SPECIAL.length] ?? '120';
    case 'emergency':
      return EMERGENCY[serial % EMERGENCY.length] ?? '119';
    case 'international':
      return `+1415${2_000_000 + (serial % 8_000_000)}`;
  }
}

function lastDigits(serial: number, digits: number): string {
  return String(serial % 10 ** digits).padStart(digits, '0');
}
