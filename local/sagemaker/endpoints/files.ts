import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '../context.js';
import { fetchModel } from '../runtime/model-dir.js';
import type { DeployedVariant, Deployment } from './types.js';

/** `<stateDir>/endpoints/<endpoint>`: one folder a deployment in it, with its model folders and logs. */
export function endpointDir(ctx: Context, endpoint: string): string {
  return join(ctx.config.stateDir, 'endpoints', endpoint);
}

function deploymentDir(ctx: Context, endpoint: string, deployment: Deployment): string {
  return join(endpointDir(ctx, endpoint), deployment.id);
}

/** Log of one process of a variant; kept until the deployment after the next one, so that a failure can be read. */
export function logFile(
  ctx: Context,
  endpoint: string,
  deployment: Deployment,
  variant: string,
  index: number,
): string {
  return join(deploymentDir(ctx, endpoint, deployment), `${variant}-${index + 1}.log`);
}

/**
 * The unpacked model of a variant, fetched on the first call: all processes of the variant share it, and a restart
 * finds it again. Throws what fetchModel throws.
 */
export async function modelDir(
  ctx: Context,
  endpoint: string,
  deployment: Deployment,
  variant: DeployedVariant,
): Promise<string> {
  const dir = join(deploymentDir(ctx, endpoint, deployment), `model-${variant.name}`);
  if (existsSync(dir)) return dir;
  const unfinished = `${dir}.part`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  if (variant.modelDataUrl !== undefined) await fetchModel(ctx, variant.modelDataUrl, unfinished);
  await rename(unfinished, dir);
  return dir;
}

/** Removes the models of a deployment that no longer serves; its logs stay. */
export async function removeModels(ctx: Context, endpoint: string, deployment: Deployment): Promise<void> {
  const dir = deploymentDir(ctx, endpoint, deployment);
  if (!existsSync(dir)) return;
  const models = (await readdir(dir)).filter((entry) => entry.startsWith('model-'));
  await Promise.all(models.map((entry) => rm(join(dir, entry), { recursive: true, force: true })));
}

/** Removes all folders of an endpoint but those of the deployments given. */
export async function removeOthers(ctx: Context, endpoint: string, keep: readonly Deployment[]): Promise<void> {
  const dir = endpointDir(ctx, endpoint);
  if (!existsSync(dir)) return;
  const kept = new Set(keep.map((deployment) => deployment.id));
  const others = (await readdir(dir)).filter((entry) => !kept.has(entry));
  await Promise.all(others.map((entry) => rm(join(dir, entry), { recursive: true, force: true })));
}
