/** Made-up records. */
export { generateFromSchema } from './source.ts';
