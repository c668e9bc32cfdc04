// What is asked of the service as a whole, and what it says: reading its config again, and draining.

export interface ChangeReport {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** Null for what is not there, and for secrets. */
  readonly before: string | null;
  readonly after: string | null;
  /** False: it takes a restart. */
  readonly isReloadable: boolean;
}

export interface ReloadReport {
  readonly outcome: 'unchanged' | 'reloaded' | 'would-reload' | 'needs-restart';
  readonly changes: readonly ChangeReport[];
  /** Why certificates could not be read again; null when they were, or were not to be. */
  readonly certificateTrouble: string | null;
}

export interface DrainOrder {
  /** When calls that are live then get BYE; null: never. */
  readonly deadlineSeconds: number | null;
  /** The service ends when it is over. */
  readonly stops: boolean;
}

export interface DrainReport {
  readonly state: 'draining' | 'drained';
  readonly liveCalls: number;
  readonly sinceMs: number;
  /** When the rest gets BYE; null: never. */
  readonly deadlineAtMs: number | null;
  /** The service ends when it is over. */
  readonly stops: boolean;
}

export interface ServicePort {
  reload(options: {
    readonly dryRun: boolean;
  }): Promise<{ readonly ok: true; readonly report: ReloadReport } | { readonly ok: false; readonly message: string }>;
  drain(request: DrainOrder): DrainReport;
  /** Null while it takes calls. */
  drainState(): DrainReport | null;
  /** False when it was not draining. */
  resume(): boolean;
}
