/** As much of an OpenAPI document as the driver reads. */

export interface Document {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, object> };
  security: object[];
}

export interface Operation extends Described {
  path: string;
  /** In capitals. */
  method: string;
  isOpen: boolean;
}

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  description?: string;
  schema: Schema;
}

export interface Shape {
  headers?: Record<string, { schema: Schema; required: boolean }>;
  content?: Record<string, { schema: Schema }>;
}

export interface Schema {
  $ref?: string;
  type?: string;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  pattern?: string;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  oneOf?: Schema[];
}

interface Described {
  operationId: string;
  parameters: Parameter[];
  requestBody?: { required: boolean; content: Record<string, { schema: Schema }> };
  responses: Record<string, Shape>;
  security?: object[];
}

export function operationsOf({ paths, security }: Document): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      ...described,
      path,
      method: method.toUpperCase(),
      isOpen: (described.security ?? security).length === 0,
    })),
  );
}
