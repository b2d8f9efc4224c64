// BPMN as it is read and written here: like its packages do, but the lists of a multi-instance are expressions. To the
// packages they are references to elements; what refers to none is lost when they save.
import bpmn from "bpmn-moddle/resources/bpmn/json/bpmn.json";

const LISTS = new Set(["loopDataInputRef", "loopDataOutputRef"]);

const types = bpmn.types.map((type) => ({ ...type, properties: type.properties?.map(spoken) }));

function spoken(property) {
  return LISTS.has(property.name) ? { name: property.name, type: "String" } : { ...property };
}

export const descriptors = { bpmn: { ...bpmn, types } };
