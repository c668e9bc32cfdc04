// Columns for people: the first one on the left, all others on the right.

/** Rows of equal length; two spaces stand between columns, `indent` before each row. */
export function textTable(rows: readonly (readonly string[])[], indent = '  '): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => [...(row[column] ?? '')].length)));
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const pad = ' '.repeat(Math.max(0, (widths[column] ?? 0) - [...cell].length));
      return column === 0 ? `${cell}${pad}` : `${pad}${cell}`;
    });
    return `${indent}${cells.join('  ')}`.trimEnd();
  });
}

/** 4,400 or 45.45. */
export function grouped(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
}

/** A decimal string with its thousands marked. */
export function groupedMoney(amount: string): string {
  const [whole = '0', fraction] = amount.split('.');
  const marked = whole.replaceAll(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? marked : `${marked}.${fraction}`;
}

export function percent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${Math.round((part / whole) * 1000) / 10} %`;
}

export function counted(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? '' : 's'}`;
}
