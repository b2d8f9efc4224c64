// The groups of the properties panel that say what our service does with an element.
import {
  SelectEntry,
  TextAreaEntry,
  TextFieldEntry,
  isSelectEntryEdited,
  isTextAreaEntryEdited,
  isTextFieldEntryEdited,
} from "@bpmn-io/properties-panel";
import { jsx } from "@bpmn-io/properties-panel/preact/jsx-runtime";
import { getBusinessObject, is, isAny } from "bpmn-js/lib/util/ModelUtil";
import { useService } from "bpmn-js-properties-panel";

const ROLES = [
  ["caseworker", "Handläggare", "Caseworker"],
  ["team_leader", "Gruppledare", "Team leader"],
];
const RIGHTS = [
  ["housing", "Boende", "Housing"],
  ["legal", "Juridiskt stöd", "Legal support"],
  ["health", "Hälso- och sjukvård", "Health care"],
  ["psychological", "Psykologiskt stöd", "Psychological support"],
  ["interpreter", "Tolk", "Interpreter"],
  ["material", "Materiellt stöd", "Material support"],
];
const isSwedish = document.documentElement.lang === "sv";
const plain = (keys) => keys.map((key) => [key, key, key]);
const otherTasks = (element) => {
  const elements = getBusinessObject(element).$parent?.flowElements ?? [];
  return elements.filter((each) => each.$type === "bpmn:UserTask" && each.id !== element.id).map((each) => [each.id, each.name, each.name]);
};

// [property, kind, Swedish, English, choices]: kind is text, area, feel (an expression) or select
const groups = (choices) => [
  {
    id: "task",
    label: ["Uppgiften", "The task"],
    of: ["bpmn:UserTask", "bpmn:ManualTask"],
    entries: [
      ["form", "select", "Formulär", "Form", plain(choices.forms)],
      ["role", "select", "Roll", "Role", ROLES],
      ["due", "feel", "Frist (FEEL)", "Due (FEEL)"],
      ["period", "text", "Fristens nyckel i tabellen periods", "Key of the period in the table periods"],
      ["countsFrom", "feel", "Räknas från (FEEL)", "Counts from (FEEL)"],
      ["guidance", "area", "Vägledning", "Guidance in Swedish"],
      ["guidance_en", "area", "Vägledning på engelska", "Guidance"],
      ["delegation", "text", "Delegation som krävs", "Delegation that is needed"],
      ["fourEyes", "select", "Får inte göras av den som gjorde", "Not by whoever did", otherTasks],
    ],
  },
  {
    id: "table",
    label: ["Beslutstabellen", "The decision table"],
    of: ["bpmn:BusinessRuleTask"],
    entries: [
      [calledDecision, "select", "Tabell", "Table", plain(choices.decisions)],
      ["inputs", "feel", "Indata (FEEL)", "Inputs (FEEL)"],
      ["resultVariable", "text", "Svaret sparas i", "The outcome goes to"],
    ],
  },
  {
    id: "call",
    label: ["Den anropade processen", "The called process"],
    of: ["bpmn:CallActivity"],
    entries: [
      [attribute("calledElement"), "select", "Process", "Process", plain(choices.processes)],
      ["inputs", "feel", "Indata (FEEL)", "Inputs (FEEL)"],
      ["result", "text", "Resultatet sparas i", "The result goes to"],
    ],
  },
  {
    id: "each",
    label: ["För varje", "For each"],
    of: ["bpmn:Activity"],
    when: (object) => object.loopCharacteristics?.$type === "bpmn:MultiInstanceLoopCharacteristics",
    entries: [
      [ofLoop("loopDataInputRef"), "feel", "Listan som gås igenom (FEEL)", "The list gone through (FEEL)"],
      [itemOfLoop("inputDataItem", "bpmn:DataInput"), "text", "En i listan heter", "One of the list is called"],
      [ofLoop("loopDataOutputRef"), "text", "Svaren samlas i", "The results are gathered in"],
      [itemOfLoop("outputDataItem", "bpmn:DataOutput"), "text", "Ett svar heter", "One result is called"],
    ],
  },
  {
    id: "condition",
    label: ["Villkor", "Condition"],
    of: ["bpmn:SequenceFlow"],
    entries: [[condition, "feel", "Flödet följs när (FEEL)", "The flow is taken when (FEEL)"]],
  },
  {
    id: "script",
    label: ["Tilldelningar", "Assignments"],
    of: ["bpmn:ScriptTask"],
    entries: [[attribute("script"), "area", "En per rad: namn = uttryck (FEEL)", "One a line: name = expression (FEEL)"]],
  },
  {
    id: "waits",
    label: ["Händelsen", "The event"],
    of: ["bpmn:Event"],
    entries: [
      ["variable", "text", "Meddelandets innehåll sparas i", "What the message brings goes to"],
      ["period", "text", "Fristens nyckel i tabellen periods", "Key of the period in the table periods"],
      ["countsFrom", "feel", "Räknas från (FEEL)", "Counts from (FEEL)"],
    ],
  },
  {
    id: "process",
    label: ["Processen", "The process"],
    of: ["bpmn:Process"],
    entries: [
      ["title", "text", "Titel", "Title in Swedish"],
      ["title_en", "text", "Titel på engelska", "Title"],
      ["owner", "text", "Ägare", "Owner"],
      ["retention", "text", "Gallring", "Retention"],
    ],
  },
  {
    id: "lane",
    label: ["Banan", "The lane"],
    of: ["bpmn:Lane"],
    entries: [
      ["role", "select", "Roll", "Role", ROLES],
      ["name_en", "text", "Namn på engelska", "Name in English"],
    ],
  },
  {
    id: "meaning",
    label: ["Vad steget betyder", "What the step means"],
    of: ["bpmn:FlowNode"],
    entries: [
      ["name_en", "text", "Namn på engelska", "Name in English"],
      ["milestone", "text", "Milstolpe", "Milestone"],
      ["right", "select", "Rättighet", "Right", RIGHTS],
      ["legalBasis", "text", "Lagrum", "Legal basis"],
      ["consequence", "area", "Om inget görs", "If nothing is done, in Swedish"],
      ["consequence_en", "area", "Om inget görs, på engelska", "If nothing is done"],
    ],
  },
];

const COMPONENTS = {
  text: [TextFieldEntry, isTextFieldEntryEdited],
  feel: [TextAreaEntry, isTextAreaEntryEdited],
  area: [TextAreaEntry, isTextAreaEntryEdited],
  select: [SelectEntry, isSelectEntryEdited],
};

export default function ownGroups(choices) {
  const wanted = groups(choices);
  function OwnGroups(propertiesPanel) {
    propertiesPanel.registerProvider(400, {
      getGroups: (element) => (given) => {
        const own = wanted.filter((group) => isAny(element, group.of) && (group.when?.(getBusinessObject(element)) ?? true)).map((group) => shown(group, element));
        // what is of no use here is not offered
        const [general, ...rest] = given.filter((group) => group && group.id !== "documentation");
        return [general, ...own, ...rest];
      },
    });
  }
  OwnGroups.$inject = ["propertiesPanel"];
  return { __init__: ["ownGroups"], ownGroups: ["type", OwnGroups] };
}

function shown({ id, label, entries }, element) {
  return {
    id: `own-${id}`,
    label: label[isSwedish ? 0 : 1],
    shouldOpen: id !== "meaning",
    entries: entries.map(([where, kind, sv, en, choices]) => {
      const name = typeof where === "string" ? where : where.name;
      const given = { where: typeof where === "string" ? property(where) : where, kind, label: isSwedish ? sv : en, choices };
      return { id: `own-${id}-${name}`, component: (props) => jsx(Entry, { ...props, ...given, id: `own-${id}-${name}` }), isEdited: COMPONENTS[kind][1] };
    }),
  };
}

function Entry({ element, id, where, kind, label, choices }) {
  const modeling = useService("modeling");
  const factory = useService("bpmnFactory");
  const debounce = useService("debounceInput");
  const object = getBusinessObject(element);
  const options = {
    id,
    element,
    label,
    debounce,
    getValue: () => where.get(object) ?? "",
    setValue: (value) => where.set({ element, object, value: value || undefined, modeling, factory }),
  };
  if (kind === "area" || kind === "feel") Object.assign(options, { rows: kind === "area" ? 3 : 1, autoResize: true, monospace: kind === "feel" });
  if (kind === "select") options.getOptions = () => offered(typeof choices === "function" ? choices(element) : choices, where.get(object));
  return jsx(COMPONENTS[kind][0], options);
}

// what stands in the file is offered as well, even if there is no such thing (any more)
function offered(choices, value) {
  const known = choices.map(([key, sv, en]) => ({ value: key, label: (isSwedish ? sv : en) || key }));
  if (value && !known.some((each) => each.value === value)) known.push({ value, label: value });
  return [{ value: "", label: "–" }, ...known];
}

function extension(object, type) {
  return object.extensionElements?.get("values").find((each) => is(each, type));
}

function extend({ element, object, modeling, factory }, type, made) {
  const before = object.extensionElements;
  const values = (before?.get("values") ?? []).filter((each) => !is(each, type));
  if (made) values.push(made);
  const extensionElements = values.length ? factory.create("bpmn:ExtensionElements", { values }) : undefined;
  for (const each of values) each.$parent = extensionElements;
  modeling.updateModdleProperties(element, object, { extensionElements });
}

function property(name) {
  return {
    name,
    get: (object) => extension(object, "spiffworkflow:Properties")?.get("properties").find((each) => each.name === name)?.value,
    set: (change) => {
      const { object, value, factory } = change;
      const before = extension(object, "spiffworkflow:Properties")?.get("properties") ?? [];
      const made = value === undefined ? [] : [factory.create("spiffworkflow:Property", { name, value })];
      const at = before.findIndex((each) => each.name === name);
      const properties = before.filter((each) => each.name !== name);
      properties.splice(at < 0 ? properties.length : at, 0, ...made);
      const all = properties.length ? factory.create("spiffworkflow:Properties", { properties }) : null;
      for (const each of properties) each.$parent = all;
      extend(change, "spiffworkflow:Properties", all);
    },
  };
}

function attribute(name) {
  return { name, get: (object) => object.get(name), set: ({ element, object, value, modeling }) => modeling.updateModdleProperties(element, object, { [name]: value }) };
}

function ofLoop(name) {
  return {
    name,
    get: (object) => object.loopCharacteristics.get(name),
    set: ({ element, object, value, modeling }) => modeling.updateModdleProperties(element, object.loopCharacteristics, { [name]: value }),
  };
}

function itemOfLoop(name, type) {
  return {
    name,
    get: (object) => object.loopCharacteristics.get(name)?.id,
    set: ({ element, object, value, modeling, factory }) =>
      modeling.updateModdleProperties(element, object.loopCharacteristics, { [name]: value && factory.create(type, { id: value }) }),
  };
}

const calledDecision = {
  name: "decision",
  get: (object) => extension(object, "spiffworkflow:CalledDecisionId")?.value,
  set: (change) => extend(change, "spiffworkflow:CalledDecisionId", change.value && change.factory.create("spiffworkflow:CalledDecisionId", { value: change.value })),
};

const condition = {
  name: "condition",
  get: (object) => object.conditionExpression?.body,
  set: ({ element, object, value, modeling, factory }) =>
    modeling.updateModdleProperties(element, object, { conditionExpression: value && factory.create("bpmn:FormalExpression", { body: value }) }),
};
