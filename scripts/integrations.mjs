// Writes the integrations for GitHub, GitLab and Tekton into integrations/, or those that differ as a list with --check. Their inputs are the
// options of `gsc build`, as docs/gsc-build.md has them; what they run is integrations/core.sh.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { stringify } from 'yaml';

/** Options that are no inputs, and why. */
const notInputs = new Map([
  ['passphrase', 'arguments of programs are seen by others'],
  ['linux', 'accepted for old command lines, and does nothing'],
  ['graphene', 'builds no image'],
  ['json', 'used by the integration itself'],
  ['quiet', 'it has nothing to say then'],
]);

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const options = optionsOf(readFileSync('docs/gsc-build.md', 'utf8'));
const image = {
  name: 'image',
  text: 'The app image: a name, or a reference that says where it is (docker://, oci:, …).',
};
const manifests = { name: 'manifests', text: "Manifests with the application's own settings, one per line." };
const results = [
  ['IMAGE_URL', 'image_url', 'name of the result'],
  ['IMAGE_DIGEST', 'image_digest', 'digest of its manifest, sha256:…'],
  ['MRENCLAVE', 'mrenclave', 'measurement of the enclave in hex; empty without a key'],
];
const head = '# Made by `npm run integrations` from docs/gsc-build.md and integrations/core.sh.\n';

/** Each row of the table of options: its long name, whether it takes a value, and what it does. */
function optionsOf(page) {
  return [...page.matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)].flatMap(([, names, meaning]) => {
    const [, name, value] = /--([\w-]+)(?: (\S.*))?$/.exec(names) ?? [];
    if (name === undefined || notInputs.has(name)) return [];
    return [{ name, takesValue: value !== undefined, text: textOf(meaning, value) }];
  });
}

/** A description without Markdown: what the value looks like, and whether there may be several. */
function textOf(meaning, value) {
  const plain = meaning.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '');
  const text = plain.replace(/ ?\(repeatable\)/, '').replace(/; repeatable\)/, ')');
  const several = /[(\s]repeatable\)/.test(meaning) ? ', one per line' : '';
  return value === undefined ? text : `${value}${several}: ${text}`;
}

const variableOf = (name) => `INPUT_${name.toUpperCase().replaceAll('-', '_')}`;
const core = readFileSync('integrations/core.sh', 'utf8')
  .replace(
    '@VALUES@',
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ name }) => name)
      .join(' '),
  )
  .replace(
    '@FLAGS@',
    options
      .filter(({ takesValue }) => !takesValue)
      .map(({ name }) => name)
      .join(' '),
  );

/** A variable for each input; `reference` is how the platform names the input. */
function environment(names, reference) {
  return Object.fromEntries(names.map((name) => [variableOf(name), reference(name)]));
}

/** As GitHub writes it. */
const expression = (text) => `\${{ ${text} }}`;

function github() {
  const secrets = [
    { name: 'key-pem', text: 'The signing key itself, PEM, from a secret: in place of key.' },
    { name: 'passphrase', text: 'Passphrase of the key, or PIN of the token, from a secret.' },
  ];
  const inputs = [image, manifests, ...secrets, ...options];
  const installation = {
    name: 'package',
    text: 'What npm installs as gsc: a package with its version, or a file. Without it gsc is installed already.',
  };
  const outputName = (result) => result.toLowerCase().replaceAll('_', '-');
  const output = results.map(([name, variable]) => `echo "${outputName(name)}=$${variable}"`).join('\n  ');
  return {
    name: 'gsc build',
    description: 'Makes an image whose application runs in an Intel SGX enclave, and signs it',
    inputs: Object.fromEntries(
      [installation, ...inputs].map(({ name, text, value = '' }) => [
        name,
        { description: text, required: name === 'image', ...(name !== 'image' && { default: value }) },
      ]),
    ),
    outputs: Object.fromEntries(
      results.map(([name, , text]) => [
        outputName(name),
        { description: text, value: expression(`steps.build.outputs.${outputName(name)}`) },
      ]),
    ),
    runs: {
      using: 'composite',
      steps: [
        {
          name: 'Install gsc',
          if: "inputs.package != ''",
          shell: 'bash',
          env: { PACKAGE: expression('inputs.package') },
          run: 'npm install --global --no-audit --no-fund -- "$PACKAGE"\n',
        },
        {
          name: 'gsc build',
          id: 'build',
          shell: 'bash',
          env: environment(
            inputs.map(({ name }) => name),
            (name) => expression(`inputs.${name}`),
          ),
          run: `${core}{\n  ${output}\n} >>"$GITHUB_OUTPUT"\n`,
        },
      ],
    },
  };
}

function gitlab() {
  const inputs = [image, manifests, ...options];
  const own = [
    { name: 'stage', text: 'Stage of the job.', value: 'build' },
    { name: 'job-name', text: 'Name of the job.', value: 'gsc-build' },
    { name: 'gsc-image', text: 'Image of gsc, as scripts/make-gsc-image makes it.', value: `gsc:${version}` },
  ];
  const spec = Object.fromEntries(
    [...own, ...inputs].map(({ name, text, takesValue = true, value = '' }) => [
      name,
      {
        description: text,
        ...(!takesValue && { options: ['true', 'false'], default: 'false' }),
        ...(takesValue && name !== 'image' && { default: value }),
      },
    ]),
  );
  const login = `if [ -n "\${CI_REGISTRY_PASSWORD:-}" ] && [ -z "\${DOCKER_CONFIG:-}" ]; then
  export DOCKER_CONFIG="$work"
  printf '{"auths":{"%s":{"auth":"%s"}}}' "$CI_REGISTRY" \\
    "$(printf '%s:%s' "$CI_REGISTRY_USER" "$CI_REGISTRY_PASSWORD" | base64 | tr -d '\\n')" >"$work/config.json"
fi
`;
  const output = results.map(([name, variable]) => `echo "${name}=$${variable}"`).join('; ');
  const script = core.replace('\nset -- build', `\n${login}\nset -- build`);
  return [
    { spec: { inputs: spec } },
    {
      '$[[ inputs.job-name ]]': {
        stage: '$[[ inputs.stage ]]',
        image: { name: '$[[ inputs.gsc-image ]]', entrypoint: [''] },
        variables: environment(
          inputs.map(({ name }) => name),
          (name) => `$[[ inputs.${name} ]]`,
        ),
        script: [`${script}{ ${output}; } >gsc.env\n`],
        artifacts: { reports: { dotenv: 'gsc.env' } },
      },
    },
  ];
}

function tekton() {
  const inputs = [image, manifests, ...options];
  const own = {
    name: 'gsc-image',
    text: 'Image of gsc, as scripts/make-gsc-image makes it.',
    value: `gsc:${version}`,
  };
  const output = results.map(([name, variable]) => `printf '%s' "$${variable}" >"$RESULT_${name}"\n`);
  // A workspace that is not bound has an empty path.
  const key = `if [ -z "\${INPUT_KEY:-}" ] && [ -n "\${KEY_DIRECTORY:-}" ] && [ -e "$KEY_DIRECTORY/key.pem" ]; then
  INPUT_KEY=$KEY_DIRECTORY/key.pem
fi
if [ -z "\${INPUT_PASSPHRASE_FILE:-}" ] && [ -n "\${KEY_DIRECTORY:-}" ] && [ -e "$KEY_DIRECTORY/passphrase" ]; then
  INPUT_PASSPHRASE_FILE=$KEY_DIRECTORY/passphrase
fi
[ -n "\${DOCKER_CONFIG:-}" ] || unset DOCKER_CONFIG
`;
  return {
    apiVersion: 'tekton.dev/v1',
    kind: 'Task',
    metadata: {
      name: 'gsc-build',
      labels: { 'app.kubernetes.io/name': 'gsc', 'app.kubernetes.io/version': version },
      annotations: {
        'tekton.dev/pipelines.minVersion': '0.44.0',
        'tekton.dev/displayName': 'gsc build',
        'tekton.dev/categories': 'Image Build',
        'tekton.dev/tags': 'sgx, gramine, image-build',
      },
    },
    spec: {
      description: 'Makes an image whose application runs in an Intel SGX enclave, and signs it.',
      params: [own, ...inputs].map(({ name, text, takesValue = true, value = '' }) => ({
        ...{ name, description: text, type: 'string' },
        ...(name !== 'image' && { default: takesValue ? value : 'false' }),
      })),
      workspaces: [
        {
          name: 'source',
          optional: true,
          description: 'Manifests, and other files that options name; the step runs in it.',
        },
        {
          name: 'key',
          optional: true,
          description: 'A secret with key.pem, and with passphrase if the key has one.',
        },
        {
          name: 'dockerconfig',
          optional: true,
          description: 'A secret with config.json: logins of registries.',
        },
      ],
      results: results.map(([name, , description]) => ({ name, description })),
      steps: [
        {
          name: 'build',
          image: '$(params.gsc-image)',
          workingDir: '$(workspaces.source.path)',
          env: [
            ...inputs.map(({ name }) => ({ name: variableOf(name), value: `$(params.${name})` })),
            { name: 'KEY_DIRECTORY', value: '$(workspaces.key.path)' },
            { name: 'DOCKER_CONFIG', value: '$(workspaces.dockerconfig.path)' },
            ...results.map(([name]) => ({ name: `RESULT_${name}`, value: `$(results.${name}.path)` })),
          ],
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
            runAsNonRoot: true,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          script: `#!/bin/sh\n${core.replace('\nset -- build', `\n${key}\nset -- build`)}${output.join('')}`,
        },
      ],
    },
  };
}

/** Documents as YAML, below a line that says where they come from. */
function yamlOf(...documents) {
  return head + documents.map((each) => stringify(each, { lineWidth: 0 })).join('---\n');
}

const files = new Map([
  ['integrations/github/action.yml', yamlOf(github())],
  ['integrations/gitlab/templates/build.yml', yamlOf(...gitlab())],
  ['integrations/tekton/task.yaml', yamlOf(tekton())],
]);
if (process.argv.includes('--check')) {
  const outdated = [...files].filter(
    ([file, text]) => !existsSync(file) || readFileSync(file, 'utf8') !== text,
  );
  for (const [file] of outdated) process.stderr.write(`${file} is out of date: npm run integrations\n`);
  process.exitCode = outdated.length > 0 ? 1 : 0;
} else {
  for (const [file, text] of files) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}
