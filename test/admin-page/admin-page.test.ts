import { afterAll, beforeAll } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { startChromium } from '../support/chromium.js'
import { describeWithChromium } from '../support/services.js'
import { describeEditing } from './editing.js'
import { describeLists } from './lists.js'
import { describePage } from './page.js'
import { describeStory } from './story.js'
import { describeViews } from './views.js'

// One test file: to start Chromium takes longer than most of these tests.
describeWithChromium('in Chromium', () => {
  let browser: Browser
  const started = () => browser

  beforeAll(async () => {
    browser = await startChromium()
  })

  afterAll(() => browser?.close())

  describeViews(started)
  describePage(started)
  describeEditing(started)
  describeLists(started)
  describeStory(started)
})
