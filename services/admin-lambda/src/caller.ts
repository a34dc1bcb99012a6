/** Who makes a call, according to API Gateway's authorizer: by token, by IAM, or by JWT. Pure. */

import type { APIGatewayProxyEventV2 } from 'aws-lambda';

export interface Caller {
  /** `token:ops`, an IAM ARN, or a JWT's subject. */
  who: string;
  sourceIp: string;
  requestId: string;
}

/** What the three kinds of authorizer of an HTTP API add to the event. */
interface Authorizer {
  lambda?: { principal?: unknown } | null;
  iam?: { userArn?: string | null; callerId?: string | null } | null;
  jwt?: { claims?: Record<string, unknown> } | null;
}

export function callerOf(event: APIGatewayProxyEventV2): Caller {
  const { http, requestId } = event.requestContext;
  const { authorizer } = event.requestContext as { authorizer?: Authorizer };
  return { who: principalOf(authorizer) ?? 'nobody known', sourceIp: http.sourceIp, requestId };
}

function principalOf(authorizer: Authorizer | undefined): string | undefined {
  if (authorizer === undefined) return undefined;
  const { lambda, iam, jwt } = authorizer;
  if (typeof lambda?.principal === 'string') return lambda.principal;
  if (iam) return iam.userArn ?? iam.callerId ?? undefined;
  const subject = jwt?.claims?.email ?? jwt?.claims?.sub ?? jwt?.claims?.client_id;
  return subject === undefined ? undefined : `jwt:${String(subject)}`;
}
