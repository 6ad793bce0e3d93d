// What every handler has of DynamoDB: the document client, made once.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';

const tables = DynamoDBDocumentClient.from(new DynamoDBClient({}));

export const put = (TableName, Item, key) =>
  tables.send(new PutCommand({ TableName, Item, ConditionExpression: `attribute_not_exists(${key})` }));

export const order = async (id) =>
  (await tables.send(new GetCommand({ TableName: process.env.ORDERS_TABLE, Key: { id }, ConsistentRead: true }))).Item;

export const changes = async (orderId) =>
  (
    await tables.send(
      new QueryCommand({
        TableName: process.env.CHANGES_TABLE,
        KeyConditionExpression: 'orderId = :order',
        ExpressionAttributeValues: { ':order': orderId },
        ConsistentRead: true,
      }),
    )
  ).Items;
