import { CloudWatchClient, DescribeAlarmsCommand, type CloudWatchClientConfig } from '@aws-sdk/client-cloudwatch';
import type { Context } from './context.js';

/** Reads alarms of the emulated CloudWatch, composite ones too. */
export function createAlarmReader(options: CloudWatchClientConfig): Context['alarmStates'] {
  const client = new CloudWatchClient(options);
  return async (names) => {
    const request = new DescribeAlarmsCommand({
      AlarmNames: [...names],
      AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
    });
    const { MetricAlarms = [], CompositeAlarms = [] } = await client.send(request);
    return new Map(
      [...MetricAlarms, ...CompositeAlarms].map(({ AlarmName, StateValue }) => [String(AlarmName), String(StateValue)]),
    );
  };
}
