// A tone as a WAV file, mono at 8 kHz in 16-bit PCM: what an announcement is played from.
const SAMPLE_RATE_HZ = 8_000;
const HEADER_BYTES = 44;

export function toneWav(toneHz: number, milliseconds: number): Buffer {
  const samples = Math.round((SAMPLE_RATE_HZ * milliseconds) / 1_000);
  const wav = Buffer.alloc(HEADER_BYTES + samples * 2);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(SAMPLE_RATE_HZ, 24);
  wav.writeUInt32LE(SAMPLE_RATE_HZ * 2, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (let at = 0; at < samples; at++) {
    wav.writeInt16LE(
      Math.round(10_000 * Math.sin((2 * Math.PI * toneHz * at) / SAMPLE_RATE_HZ)),
      HEADER_BYTES + at * 2,
    );
  }
  return wav;
}
