# MiniStack, with one rule of EventBridge lifted: PutEvents refuses sources that begin with "aws.", which are AWS's own.
# The local SageMaker stands in for AWS here and sends its state changes as "aws.sagemaker", as the real one does.
import sys

from ministack.services import eventbridge

put_events = eventbridge._put_events
eventbridge._put_events = lambda data, allow_aws_source=True: put_events(data, allow_aws_source)

from ministack.app import main  # noqa: E402  (the rule has to be lifted first)

sys.exit(main())
