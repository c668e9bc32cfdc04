// META, the six tokens that say where a message came from: SOURCE|BYTES|PROTOCOL|ADDRESS|PORT|TIME.
import type { Flow } from '../transport/flow.js';

let secondText = '';
let secondOf = Number.NaN;

/** `HH:MM:SS.uuuuuu`, UTC. */
export function wireTime(): string {
  const nowMs = performance.timeOrigin + performance.now();
  const second = Math.floor(nowMs / 1000);
  if (second !== secondOf) {
    secondOf = second;
    secondText = new Date(second * 1000).toISOString().slice(11, 19);
  }
  const micros = Math.floor((nowMs - second * 1000) * 1000);
  return `${secondText}.${String(micros).padStart(6, '0')}`;
}

/** A message that a peer sent. */
export function networkMeta(bytes: number, flow: Flow): string {
  return `network|${bytes}|${flow.listener.protocol}|${flow.address}|${flow.port}|${wireTime()}`;
}

/** An ACK for a 2xx: drachtio-server leaves the protocol empty, its transaction being gone. */
export function ackMeta(bytes: number, flow: Flow): string {
  return `network|${bytes}||${flow.address}|${flow.port}|${wireTime()}`;
}

/** A response that the server made in place of one that never came. */
export function fabricatedMeta(flow: Flow): string {
  return `network|0|${flow.listener.protocol}||0|${wireTime()}`;
}

/** A request that we sent, with our own address. */
export function sentRequestMeta(bytes: number, flow: Flow): string {
  const { protocol, address, port } = flow.listener;
  return `application|${bytes}|${protocol}|${address}|${port}|${wireTime()}`;
}

/** A response that we sent, with the peer's address. */
export function sentResponseMeta(bytes: number, flow: Flow): string {
  return `application|${bytes}|${flow.listener.protocol}|${flow.address}|${flow.port}|${wireTime()}`;
}
