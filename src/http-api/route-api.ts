// GET /api/v1/route/NUMBER: which channel would carry a call now, which were refused and why, and what the best ones score. For
// whoever has an operator's token: it names SIMs, their use, and that of the payers' caps. It changes nothing.
import { z } from 'zod';
import { type ApiHandler, problem } from './api-server.js';

export type RoutePort = (selection: {
  readonly dialled: string;
  readonly trunk?: string | undefined;
  readonly agent?: string | undefined;
  /** Every channel is asked by itself. */
  readonly all: boolean;
}) => { readonly ok: true; readonly report: object } | { readonly ok: false; readonly message: string };

const NUMBER = z.string().min(1).max(256);
const QUERY = z.strictObject({
  trunk: z.string().max(256).optional(),
  agent: z.string().min(1).max(256).optional(),
  all: z.enum(['true', 'false']).default('false'),
  /** Of who can send no header; read already. */
  token: z.string().optional(),
});

export function routeApi(route: RoutePort): ApiHandler {
  return {
    methods: ['GET'],
    async handle({ token, path, query }) {
      const [, dialled, ...more] = path;
      if (dialled === undefined || more.length > 0) return null;
      if (!token.isOperator) {
        return problem(403, 'forbidden', 'Decisions are explained to tokens with operator: true.');
      }
      const asked = QUERY.safeParse(Object.fromEntries(query));
      const number = NUMBER.safeParse(dialled);
      if (!asked.success || !number.success) {
        return problem(400, 'bad-request', 'Ask for /api/v1/route/NUMBER with trunk, agent and all=true as you like.');
      }
      const { trunk, agent, all } = asked.data;
      const found = route({ dialled: number.data, trunk, agent, all: all === 'true' });
      if (found.ok) return { status: 200, body: found.report };
      return problem(400, 'bad-request', found.message);
    },
  };
}
