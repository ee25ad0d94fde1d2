/** Makes HTML of views: Handlebars files of views/, in the frame of views/layouts/main.hbs. */
import { fileURLToPath } from 'node:url';
import type { Express } from 'express';
import { create } from 'express-handlebars';
import { helpers } from './helpers.ts';

const views = fileURLToPath(new URL('./views', import.meta.url));

/** Teaches an application to render our views; each is read once. */
export function useViews(app: Express): void {
  const { engine } = create({
    extname: '.hbs',
    layoutsDir: `${views}/layouts`,
    partialsDir: `${views}/partials`,
    defaultLayout: 'main',
    helpers,
    // The lines of a text would be indented with the partial that shows it.
    compilerOptions: { preventIndent: true },
  });
  app.engine('.hbs', engine).set('view engine', '.hbs').set('views', views).enable('view cache');
}
