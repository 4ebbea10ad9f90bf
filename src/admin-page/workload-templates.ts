import type { Entry } from './entry.js'

/** An entry to begin with. */
export interface EntryTemplate {
  title: string
  /** Which tokens it is for, and what to know before it is saved. */
  about: string
  /** Values that are only examples, and have to be replaced. */
  examples: readonly string[]
  entry: Entry
}

/** Entries for callers that have only their assertion. */
export const WORKLOAD_TEMPLATES: readonly EntryTemplate[] = [
  {
    title: 'Google',
    about: 'ID tokens of service accounts. The subject is the unique id of the service account.',
    examples: ['api.example.com', '112233445566778899001'],
    entry: {
      name: 'https://accounts.google.com',
      alias: 'https://api.example.com/oauth2/token',
      jwksUri: 'https://www.googleapis.com/oauth2/v3/certs',
      allowedSubjects: ['112233445566778899001'],
      requiredClaims: {
        azp: {
          equalsClaim: 'sub',
          message: 'service accounts only',
        },
      },
      clientAuthentication: 'optional',
      scopes: ['orders:read'],
      soleAudience: true,
      maxBeyondAssertion: 0,
    },
  },
  {
    title: 'GitHub Actions',
    about:
      'Tokens that a job requests with your audience. Require the ids of the repository and its owner: names can be registered again.',
    examples: ['api.example.com', 'acme/orders', 'acme@1234', '"1234"', '"5678"'],
    entry: {
      name: 'https://token.actions.githubusercontent.com',
      profile: 'workload',
      alias: 'https://api.example.com/oauth2/token',
      jwksUri: 'https://token.actions.githubusercontent.com/.well-known/jwks',
      allowedSubjects: ['repo:acme/orders:*', 'repo:acme@1234/orders@5678:*'],
      maxAge: 300,
      requiredClaims: {
        repository_owner_id: '1234',
        repository_id: {
          equals: '5678',
          message: 'only the orders repository',
        },
        event_name: ['push', 'workflow_dispatch'],
      },
      bindings: [
        {
          name: 'deploy',
          when: {
            ref: 'refs/heads/main',
            environment: 'production',
            runner_environment: 'github-hosted',
          },
          scopes: ['orders:write'],
        },
        {
          name: 'read',
          scopes: ['orders:read'],
        },
      ],
    },
  },
  {
    title: 'GitLab CI',
    about: 'ID tokens of a job. The job names your audience under id_tokens.',
    examples: ['api.example.com', 'acme/orders', 'project_id:20', '"72"', '"20"'],
    entry: {
      name: 'https://gitlab.com',
      profile: 'workload',
      alias: 'https://api.example.com/oauth2/token',
      jwksUri: 'https://gitlab.com/oauth/discovery/keys',
      allowedSubjects: ['project_path:acme/orders:ref_type:branch:ref:main', 'project_id:20:ref_type:branch:ref:main'],
      maxAge: 3600,
      maxLifetime: 3600,
      requiredClaims: {
        namespace_id: '72',
        project_id: {
          equals: '20',
          message: 'only the orders project',
        },
        ref_protected: 'true',
        pipeline_source: ['push', 'web'],
      },
      bindings: [
        {
          name: 'deploy',
          when: {
            environment: 'production',
            environment_protected: 'true',
          },
          scopes: ['orders:read', 'orders:write'],
        },
      ],
    },
  },
  {
    title: 'Kubernetes',
    about:
      'Tokens of a projected volume with your audience. In the cluster itself, the CA certificate of the API server is needed under "How the endpoint is reached".',
    examples: ['api.example.com', 'kubernetes.default.svc', 'system:serviceaccount:shop:orders', '"shop"'],
    entry: {
      name: 'https://kubernetes.default.svc.cluster.local',
      profile: 'workload',
      alias: 'https://api.example.com/oauth2/token',
      jwksUri: 'https://kubernetes.default.svc/openid/v1/jwks',
      allowedSubjects: ['system:serviceaccount:shop:orders'],
      scopes: ['orders:read'],
      replay: 'allow',
      maxAge: 3600,
      maxLifetime: 3600,
      requiredClaims: {
        '"kubernetes.io".namespace': 'shop',
        '/kubernetes.io/pod/name': {
          exists: true,
          message: 'pods only',
        },
      },
    },
  },
  {
    title: 'A key of your own',
    about: 'The caller signs its assertions itself. Upload the certificate of its key below.',
    examples: ['api.example.com', 'batch.example.com', 'orders-batch'],
    entry: {
      name: 'https://batch.example.com',
      alias: 'https://api.example.com/oauth2/token',
      allowedSubjects: ['orders-batch'],
      clientAuthentication: 'optional',
      scopes: ['orders:read'],
      maxLifetime: 3600,
    },
  },
]
