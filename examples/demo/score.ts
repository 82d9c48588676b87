import { InvokeEndpointCommand, SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import { z } from 'zod';
import { persistenceRmse, rmse, type WeatherDay } from '../seattle-weather/data.js';
import { awsSettings, type Env } from './account.js';

/** RMSE in °C of the endpoint's answers, beside that of the forecast "as warm as the day before", on the same rows. */
export interface Score {
  readonly name: 'rmse';
  readonly value: number;
  readonly baseline: number;
}

const Answer = z.object({ predictions: z.array(z.object({ score: z.number() })) });

/** A row as a request carries it: without its label. */
export const features = ({ csv }: WeatherDay) => csv.trim().split(',').slice(1).join(',');
const label = ({ csv }: WeatherDay) => Number(csv.split(',')[0]);

/** Asks the endpoint for all rows in one request and measures its answers. Throws if it answers for another number of rows. */
export async function scoreEndpoint(env: Env, endpoint: string, days: readonly WeatherDay[]): Promise<Score> {
  const client = new SageMakerRuntimeClient(awsSettings(env, 'SAGEMAKER_RUNTIME'));
  try {
    const { Body } = await client.send(
      new InvokeEndpointCommand({
        EndpointName: endpoint,
        ContentType: 'text/csv',
        Accept: 'application/json',
        Body: `${days.map(features).join('\n')}\n`,
      }),
    );
    const { predictions } = Answer.parse(JSON.parse(new TextDecoder().decode(Body)));
    const forecasts = predictions.map(({ score }) => score);
    return { name: 'rmse', value: rmse(forecasts, days.map(label)), baseline: persistenceRmse(days) };
  } finally {
    client.destroy();
  }
}
