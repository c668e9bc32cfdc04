// The config's routing section: how eligible channels are ranked, and what sends one into its cool-down.
import { z } from 'zod';
import { MAX_WEIGHT, PRESETS, type Preset } from '../routing/weights.js';
import { agentName } from './policy-schema.js';
import { amount, name } from './scalars.js';
import { streaks } from './streak-schema.js';

const weight = z.int().min(0).max(MAX_WEIGHT).optional();

export const routingSchema = z.strictObject({
  preset: z.enum(Object.keys(PRESETS) as [Preset, ...Preset[]]).default('balanced'),
  weights: z
    .strictObject({
      cost: weight,
      sameCallee: weight,
      ownChannel: weight,
      evenness: weight,
      fillFirst: weight,
      answerRatio: weight,
      postDialDelay: weight,
      failures: weight,
    })
    .default({}),
  seed: z.int().min(0).max(4_294_967_295).default(0),
  expectedCallSeconds: z.int().min(1).max(86_400).default(180),
  fullCost: amount.refine((text) => Number(text) > 0, 'must be more than 0').default('1000'),
  channelHealth: z
    .strictObject({
      failAfter: z.int().min(1).max(100).default(3),
      coolDownSeconds: z.int().min(1).max(86_400).default(60),
      maxCoolDownSeconds: z.int().min(1).max(86_400).default(900),
      halfLifeSeconds: z.int().min(10).max(86_400).default(900),
    })
    .prefault({}),
  streaks: streaks.prefault({}),
  agents: z.array(z.strictObject({ agent: agentName, channelGroups: z.array(name).min(1) })).default([]),
});
