import { summarise } from './statistics.js'

/** Adds to each contender how it did against one of them: by the medians, and round by round. */
export function withRatios(contenders, referenceName) {
  const reference = findNamed(contenders, referenceName)
  return contenders.map((contender) => ({ ...contender, ratio: describeRatio(contender, reference) }))
}

/** The ratio of the medians of two contenders; undefined where one of them was not measured. */
export function ratioBetween(contenders, name, referenceName) {
  const contender = findNamed(contenders, name)
  const reference = findNamed(contenders, referenceName)
  return contender && reference && contender.requestsPerSecond.median / reference.requestsPerSecond.median
}

function describeRatio(contender, reference) {
  const ofRound = (rate, round) => rate / reference.requestsPerSecond.rounds[round]
  return {
    to: reference.name,
    ofMedians: contender.requestsPerSecond.median / reference.requestsPerSecond.median,
    ofRounds: summarise(contender.requestsPerSecond.rounds.map(ofRound)),
  }
}

function findNamed(contenders, name) {
  return contenders.find((contender) => contender.name === name)
}
