/** The reference page: Swagger UI, served from here, over our own OpenAPI document. */
import { fileURLToPath } from 'node:url';
import { type RequestHandler, Router } from 'express';
import { callerOf } from './guard.ts';

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sluice: API reference</title>
<link rel="stylesheet" href="/reference/swagger-ui.css">
<div id="reference"></div>
<script src="/reference/swagger-ui-bundle.js"></script>
<script src="/reference/start.js"></script>
</html>
`;

// Where tokens are asked for, `/reference?key=TOKEN` opens the page: the key goes on to the document and the calls.
const script = `const key = new URLSearchParams(location.search).get('key');
SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  validatorUrl: null,
  requestInterceptor: request => {
    if (key && new URL(request.url, location.href).origin === location.origin) request.headers['x-goog-api-key'] = key;
    return request;
  },
});
`;

/** The page needs what every call needs; its scripts and styles are the same for everybody and hold nothing of ours. */
export function reference(): Router {
  const router = Router();
  const file =
    (name: string): RequestHandler =>
    (_, response) =>
      response.sendFile(fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`)), { maxAge: '1h' });
  router.get('/', (_, response) => {
    callerOf(response.locals);
    response.type('html').send(page);
  });
  router.get('/swagger-ui.css', file('swagger-ui.css'));
  router.get('/swagger-ui-bundle.js', file('swagger-ui-bundle.js'));
  router.get('/start.js', (_, response) => void response.type('text/javascript').send(script));
  return router;
}
