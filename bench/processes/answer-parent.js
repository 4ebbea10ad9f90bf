/**
 * Answers the questions of the process that started this one, each by the function of its name. This process ends with
 * its parent.
 */
export function answerParent(answers) {
  process.on('message', async ({ id, question, body }) => {
    try {
      process.send({ id, answer: await answers[question](body) })
    } catch (error) {
      process.send({ id, error: error.stack })
    }
  })
  process.once('disconnect', () => process.exit(0))
  process.send({ id: 'ready' })
}
