/** The claims of a verified token (RFC 7519, 4.1). */
export interface JwtClaims {
  readonly iss: string;
  readonly exp: number;
  readonly sub?: string;
  readonly aud?: string | readonly string[];
  readonly nbf?: number;
  readonly iat?: number;
  readonly jti?: string;
  readonly [claim: string]: unknown;
}
