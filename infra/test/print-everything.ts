/** Prints the template of a stage with every setting, for the linters. */
import { printed } from '../lib/templates.ts';
import { everything, templateOf } from './support.ts';

process.stdout.write(printed(templateOf(everything)));
