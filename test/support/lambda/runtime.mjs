// Stands for AWS's runtime interface client where that is not installed: takes events from the Runtime API, calls the handler,
// returns its answers. `npm run test:lambda` uses the real one. Arguments: the handler, such as `lambda.handler`.
import { join } from 'node:path';

const [module = '', name = ''] = (process.argv[2] ?? '').split('.');
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;
const { [name]: handler } = await import(join(process.env.LAMBDA_TASK_ROOT ?? '', `${module}.mjs`));

for (;;) {
  const next = await fetch(`${api}/invocation/next`);
  const awsRequestId = next.headers.get('lambda-runtime-aws-request-id') ?? '';
  const [part, body] = await answer(await next.json(), { awsRequestId });
  await fetch(`${api}/invocation/${awsRequestId}/${part}`, { method: 'POST', body: JSON.stringify(body) });
}

async function answer(event, context) {
  try {
    return ['response', (await handler(event, context)) ?? null];
  } catch (error) {
    return ['error', { errorType: error.name, errorMessage: error.message }];
  }
}
