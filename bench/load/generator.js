// The load generator: sends requests to one server at a time, as it is asked to.
import { answerParent } from '../processes/answer-parent.js'
import { createRequestTexts } from './requests.js'
import { runAtRate } from './run-at-rate.js'
import { runAutocannon } from './run-autocannon.js'
import { runClosedLoop } from './run-closed-loop.js'
import { runAwake, stayAwake } from './stay-awake.js'

const closedLoop = ({ requests, ...load }) =>
  runClosedLoop({ ...load, nextRequest: createRequestTexts(requests, load.port) })

answerParent({
  'stay awake': stayAwake,
  autocannon: (load) => runAwake(() => runAutocannon(load)),
  'closed loop': (load) => runAwake(() => closedLoop(load)),
  'closed loop that sleeps': closedLoop,
  'at rate': runAtRate,
})
