import js from '@eslint/js';
import { builtinModules } from 'node:module';
import tseslint from 'typescript-eslint';

const nodeBuiltins = builtinModules.flatMap((name) => [name, `node:${name}`]);

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.perennial/', 'test/replay/histories/'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-console': 'error',
      eqeqeq: ['error', 'smart'],
    },
  },
  {
    // What a person reads on a terminal is the product of these.
    files: ['client/**', 'bench/**', 'bin/**', 'examples/**', 'test/support/**', 'test/replay/record.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['workflows/**'],
    rules: {
      // A Node module in a workflow fails only at run time, with webpack's error: refuse it here.
      'no-restricted-imports': [
        'error',
        { paths: nodeBuiltins, patterns: [{ group: ['@aws-sdk/*', 'pg', '@slack/*'] }] },
      ],
      'no-restricted-globals': ['error', 'process', 'fetch', 'setInterval', 'Buffer'],
    },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        Buffer: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
      },
    },
  },
);
