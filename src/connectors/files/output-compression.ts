/** Compression of the files that sinks write, piece by piece, so that they can be cut back to a checkpoint. */
import type { Pack } from '../../engine/staged-file.ts';
import { SluiceError } from '../../errors.ts';
import { compressionOf, pieceCompressions, pieceCompressor } from '../../formats/compression.ts';

export const outputCompressions = ['auto', ...pieceCompressions, 'uncompressed'] as const;
export type OutputCompression = (typeof outputCompressions)[number];

/** What files whose names end so are packed by; nothing where they are not compressed. */
export async function packOf(compression: OutputCompression, suffix: string): Promise<{ pack?: Pack }> {
  const asked = compression === 'auto' ? compressionOf(suffix) : compression;
  if (asked === undefined || asked === 'uncompressed') return {};
  // What follows the end of its stream is not read by most programs.
  if (asked === 'deflate')
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `${suffix}: files cannot be written with deflate piece by piece: take gzip (.gz), zstd (.zst) or bzip2 (.bz2)`,
    );
  const compress = await pieceCompressor(asked);
  return { pack: async pieces => [await compress(Buffer.concat(pieces.map(({ bytes }) => bytes)))] };
}
